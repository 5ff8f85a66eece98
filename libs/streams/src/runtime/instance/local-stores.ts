import { partitionForKey } from '../../log/partitioner.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { taskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';
import type { LocalPartition, PartitionOwner, QueryableStore } from '../instance-status.js';
import type { StateStore } from '../../stores/state-store.js';
import type { CopyFreshness } from '../restore/copy-freshness.js';
import type { Task } from '../task/task.js';

export interface LocalStoresOptions {
  readonly topology: Topology;
  readonly taskCounts: ReadonlyMap<number, number>;
  readonly task: (id: Task['id']) => Task | undefined;
  readonly standby: (id: Task['id']) => Task | undefined;
  readonly freshness: (standby: Task, store: string) => CopyFreshness | undefined;
  readonly owner: (id: Task['id']) => PartitionOwner | undefined;
}

/** The stores of the topology as this instance can query them. */
export function localStores({
  topology,
  taskCounts,
  task,
  standby,
  freshness,
  owner,
}: LocalStoresOptions): Map<string, QueryableStore> {
  const stores = topology.subTopologies.flatMap((sub) =>
    sub.stores.map(
      (definition) =>
        new LocalStore(
          definition,
          taskCounts.get(sub.id) ?? 0,
          (partition) => task(taskId(sub.id, partition)),
          (partition) => standby(taskId(sub.id, partition)),
          freshness,
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
    private readonly copyOf: (partition: number) => Task | undefined,
    private readonly freshness: LocalStoresOptions['freshness'],
    readonly owner: (partition: number) => PartitionOwner | undefined,
  ) {}

  partitionOf(key: Uint8Array): number {
    return (this.definition.partitioner ?? partitionForKey)(key, this.partitionCount);
  }

  local(partition: number): LocalPartition | undefined {
    const task = this.task(partition);
    const store = task?.stores.get(this.definition.name)?.store;
    if (task === undefined || store === undefined) return undefined;
    const { state } = task.state;
    const isRunning = state === 'running';
    const isComplete = isRunning || (state === 'suspended' && task.isRestored);
    return {
      ...describe(task, store, partition),
      ...(isComplete ? { view: store.view } : {}),
      ...(isRunning ? { uncommitted: store.uncommitted } : {}),
      processed: (topic) => {
        const committed = task.records.queues.find((queue) => queue.topic === topic)?.committed;
        return committed === undefined || committed < 0 ? undefined : committed;
      },
    };
  }

  standby(partition: number): LocalPartition | undefined {
    const task = this.copyOf(partition);
    const store = task?.stores.get(this.definition.name)?.store;
    if (task === undefined || store === undefined || !task.state.is('standby')) return undefined;
    const copy = this.freshness(task, this.definition.name);
    return {
      ...describe(task, store, partition),
      ...(copy === undefined ? {} : { copy, view: store.view }),
      processed: () => undefined,
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

function describe(task: Task, store: StateStore, partition: number): Omit<LocalPartition, 'processed'> {
  const restore = task.restoring.get(store.name);
  return {
    partition,
    taskId: task.id,
    state: task.state.state,
    position: store.position,
    settled: () => store.settled(),
    ...(restore ? { restore } : {}),
  };
}
