import type { TaskId } from '../../topology/processor.js';
import type { TaskOwner } from '../assignment/user-data.js';
import type { PartitionOwner } from '../instance-status.js';

/** Who owns each task of the application, as of the last assignment. */
export class PartitionOwners {
  private owners: ReadonlyMap<TaskId, TaskOwner> = new Map();

  constructor(private readonly instanceId: string) {}

  update(owners: ReadonlyMap<TaskId, TaskOwner>): void {
    this.owners = owners;
  }

  /** The instance that owned the task until now, as far as this one knows. */
  instanceOf(task: TaskId): string | undefined {
    return this.owners.get(task)?.instanceId;
  }

  of(task: TaskId): PartitionOwner | undefined {
    const owner = this.owners.get(task);
    return owner && { ...owner, isLocal: owner.instanceId === this.instanceId };
  }
}
