import type { TaskId } from '../../topology/processor.js';
import type { TaskOwner } from '../assignment/user-data.js';
import type { PartitionOwner } from '../instance-status.js';

/** Who owns each task of the application, as of the last assignment. */
export class PartitionOwners {
  /** Those that the assignment named, with their base URLs. Asked for with each forwarded read. */
  instances: ReadonlyMap<string, string | undefined> = new Map();
  private owners: ReadonlyMap<TaskId, PartitionOwner> = new Map();
  /** Whoever was last said to own a task; between two owners it stays with the first. */
  private readonly last = new Map<TaskId, string>();

  /** Generation of the last assignment; -1 before the first. */
  epoch = -1;

  constructor(private readonly instanceId: string) {}

  /** @param owners undefined where the assignment did not name them. */
  update(
    owners: ReadonlyMap<TaskId, TaskOwner> | undefined,
    epoch: number,
    neighbours: ReadonlyMap<string, string> = new Map(),
  ): void {
    this.epoch = epoch;
    const { instanceId } = this;
    this.owners = new Map(
      Array.from(owners ?? [], ([task, owner]) => [task, { ...owner, isLocal: owner.instanceId === instanceId }]),
    );
    const named = new Map<string, string | undefined>(neighbours);
    for (const { instanceId: id, url } of this.owners.values()) named.set(id, url);
    this.instances = named;
    this.remember(this.owners);
  }

  /** What the leader knows before the members do. */
  remember(owners: ReadonlyMap<TaskId, TaskOwner>): void {
    for (const [task, { instanceId }] of owners) this.last.set(task, instanceId);
  }

  /** Nothing was assigned before, as far as this instance knows. */
  get isEmpty(): boolean {
    return this.last.size === 0;
  }

  /** The instances that owned these tasks last and are not among `instances`. */
  departed(tasks: Iterable<TaskId>, instances: ReadonlySet<string>): string[] {
    const departed = new Set<string>();
    for (const task of tasks) {
      const last = this.last.get(task);
      if (last !== undefined && !instances.has(last)) departed.add(last);
    }
    return [...departed];
  }

  /** The same for all tasks. */
  allDeparted(instances: ReadonlySet<string>): string[] {
    return this.departed(this.last.keys(), instances);
  }

  of(task: TaskId): PartitionOwner | undefined {
    return this.owners.get(task);
  }
}
