import { reasonOf } from '../../errors/reason-of.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { TaskId } from '../../topology/processor.js';
import type { AssignmentData } from '../assignment/user-data.js';
import type { TaskManager } from '../task/task-manager.js';
import type { Tenure } from './tenure.js';

/** An assignment that the tasks are to be brought to. */
export interface PendingAssignment {
  readonly data: AssignmentData;
  readonly tenure: Tenure;
  /** Instances that left the group with tasks of this assignment. */
  readonly departed: readonly string[];
}

/**
 * The assignments that the tasks do not follow yet. A handler may hold up the loop for longer than the group waits for a member, so this instance
 * joins the next generations before it has applied the last one; only the newest of them counts then.
 */
export class PendingAssignments {
  private newest: PendingAssignment | undefined;
  private applying: PendingAssignment | undefined;

  constructor(private readonly logger: StreamsLogger) {}

  /** @returns what to apply. */
  add(next: PendingAssignment): PendingAssignment {
    const before = this.newest?.tenure === next.tenure ? this.newest.departed : [];
    this.newest = { ...next, departed: [...new Set([...before, ...next.departed])] };
    return this.newest;
  }

  /**
   * Applies an assignment; does nothing if a newer one has come, or if its tenure has ended. The newer one waits for its own turn: the tasks of a
   * membership that was lost before it came are suspended first.
   */
  async apply(next: PendingAssignment, action: (assignment: PendingAssignment) => Promise<void>): Promise<void> {
    if (this.newest !== next) return;
    this.newest = undefined;
    if (!next.tenure.isLive) return;
    this.applying = next;
    try {
      await action(next);
    } catch (error) {
      // The revocation that follows undoes what was done by halves.
      if (next.tenure.isLive) throw error;
      this.logger.warn(`An assignment was lost while it was applied: ${reasonOf(error)}`);
    } finally {
      this.applying = undefined;
    }
  }

  /** Tasks that run in `tenure`, or may do so before the next assignment is applied: nobody else may be given them. */
  claims(tasks: TaskManager, tenure: Tenure | undefined): readonly TaskId[] {
    if (tenure === undefined) return [];
    const claimed = new Set(tasks.all.filter((task) => task.tenure === tenure).map(({ id }) => id));
    for (const pending of [this.newest, this.applying])
      if (pending?.tenure === tenure) for (const id of pending.data.tasks) claimed.add(id);
    return [...claimed];
  }
}
