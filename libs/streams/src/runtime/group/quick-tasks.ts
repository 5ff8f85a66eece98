import type { LogAdmin } from '../../log/log-admin.js';
import type { Clock } from '../../time/clock.js';
import { within } from '../../log/client/member/within.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import type { TaskId } from '../../topology/processor.js';
import { taskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';

export interface QuickTasksOptions {
  readonly admin: LogAdmin;
  readonly topology: Topology;
  readonly taskCounts: ReadonlyMap<number, number>;
  readonly applicationId: string;
  readonly acceptableRecoveryLag: number;
  /** How long one look may hold up a rebalance. The leader sends no heartbeats meanwhile, and the whole group waits for it. */
  readonly limitMs: number;
  readonly clock: Clock;
}

type IsQuick = (task: TaskId) => boolean;

/**
 * Knows which tasks have changelogs of no more than `acceptableRecoveryLag` offsets in all: restoring those is quicker than making a standby first.
 */
export class QuickTasks {
  private readonly changelogs: readonly {
    readonly task: TaskId;
    readonly topic: string;
    readonly partition: number;
  }[];
  private latest: IsQuick = () => false;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: QuickTasksOptions) {
    const { topology, taskCounts, applicationId } = options;
    this.changelogs = topology.subTopologies.flatMap((sub) =>
      sub.stores
        .filter(({ changelog }) => changelog.isEnabled)
        .flatMap(({ name }) =>
          Array.from({ length: taskCounts.get(sub.id) ?? 0 }, (_, partition) => ({
            task: taskId(sub.id, partition),
            topic: changelogTopic(applicationId, name),
            partition,
          })),
        ),
    );
  }

  /** Asks the brokers, and settles within `limitMs`: with what was known before, or with no task, if they do not answer in time. */
  async look(): Promise<IsQuick> {
    const { clock, limitMs } = this.options;
    // A look that outlasted its rebalance serves the next one.
    this.looking ??= this.ask().finally(() => (this.looking = undefined));
    await within(clock, limitMs, 'A request for the ends of changelogs', this.looking).catch(() => undefined);
    return this.latest;
  }

  private async ask(): Promise<void> {
    const { admin, acceptableRecoveryLag } = this.options;
    const ends = await admin.endOffsets(this.changelogs, 'read_uncommitted');
    const sizes = new Map<TaskId, number>();
    this.changelogs.forEach(({ task }, index) => sizes.set(task, (sizes.get(task) ?? 0) + ends[index]!.offset));
    this.latest = (task) => (sizes.get(task) ?? 0) <= acceptableRecoveryLag;
  }
}
