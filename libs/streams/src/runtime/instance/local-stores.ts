import { partitionForKey } from '../../log/partitioner.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { taskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';
import type { LocalPartition, PartitionOwner, QueryableStore } from '../instance-status.js';
import type { Task } from '../task/task.js';

export interface LocalStoresOptions {
  readonly topology: Topology;
  readonly taskCounts: ReadonlyMap<number, number>;
  readonly task: (id: Task['id']) => Task | undefined;
  readonly owner: (id: Task['id']) => PartitionOwner | undefined;
}

/** The stores of the topology as this instance can query them. */
export function localStores({ topology, taskCounts, task, owner }: LocalStoresOptions): Map<string, QueryableStore> {
  const stores = topology.subTopologies.flatMap((sub) =>
    sub.stores.map(
      (definition) =>
        new LocalStore(
          definition,
          taskCounts.get(sub.id) ?? 0,
          (partition) => task(taskId(sub.id, partition)),
          (partition) => owner(taskId(sub.id, partition)),
        ),
    ),
  );
  return new Map(stores.map((store) => [store.definition.name, store]));
}

class LocalStore implements QueryableStore {
  constructor(
    readonly definition: StoreDefinition,
    readonly partitionCount: number,
    private readonly task: (partition: number) => Task | undefined,
    readonly owner: (partition: number) => PartitionOwner | undefined,
  ) {}

  partitionOf(key: Uint8Array): number {
    return partitionForKey(key, this.partitionCount);
  }

  local(partition: number): LocalPartition | undefined {
    const task = this.task(partition);
    const store = task?.stores.get(this.definition.name)?.store;
    if (task === undefined || store === undefined) return undefined;
    const { state } = task.state;
    const restore = task.restoring.get(this.definition.name);
    const isComplete = state === 'running' || (state === 'suspended' && task.isRestored);
    return {
      partition,
      taskId: task.id,
      state,
      position: store.position,
      ...(restore ? { restore } : {}),
      ...(isComplete ? { view: store.view } : {}),
    };
  }

  async approximateEntries(): Promise<number> {
    let entries = 0;
    for (let partition = 0; partition < this.partitionCount; partition++) {
      const store = this.task(partition)?.stores.get(this.definition.name)?.store;
      if (store !== undefined) entries += await store.approximateEntries();
    }
    return entries;
  }
}
