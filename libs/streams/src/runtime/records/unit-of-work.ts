import { LateWorkError } from '../../errors/late-work-error.js';
import type { WriteGate } from '../../stores/write-gate.js';
import type { TaskId } from '../../topology/processor.js';

/** The record or the hook that a task handles. Effects outside of it belong to no commit, so they are refused. */
export class UnitOfWork implements WriteGate {
  isOpen = false;
  /** Name of the handler that runs, or ran last. */
  handler = '';
  /** The node that handles the record; undefined in hooks, where each may forward. */
  node: object | undefined;

  private isAbandoned = false;

  constructor(readonly taskId: TaskId) {}

  /** Ends it for good: its handler was given up, and may still run. */
  abandon(): void {
    this.isOpen = false;
    this.isAbandoned = true;
  }

  refusal(operation: string): LateWorkError {
    return new LateWorkError(operation, this.taskId, this.handler, this.isAbandoned);
  }
}
