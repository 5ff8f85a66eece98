import { partitionForKey } from '../../log/partitioner.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { taskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';
import type { Awaitable } from '../../stores/key-value/key-value-store.js';
import type { CommittedView, StateStore } from '../../stores/state-store.js';
import type { ChangelogPosition } from '../../stores/store-engine.js';
import type { RestoreProgress } from '../../topology/processor.js';
import type { LocalPartition, PartitionOwner, QueryableStore, TaskState } from '../instance-status.js';
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
export function localStores(options: LocalStoresOptions): Map<string, QueryableStore> {
  const { topology, taskCounts } = options;
  const stores = topology.subTopologies.flatMap((sub) =>
    sub.stores.map((definition) => new LocalStore(definition, taskCounts.get(sub.id) ?? 0, sub.id, options)),
  );
  return new Map(stores.map((store) => [store.definition.name, store]));
}

class LocalStore implements QueryableStore {
  private readonly taskIds: readonly Task['id'][];

  constructor(
    readonly definition: StoreDefinition,
    readonly partitionCount: number,
    subTopology: number,
    private readonly options: LocalStoresOptions,
  ) {
    this.taskIds = Array.from({ length: partitionCount }, (_, partition) => taskId(subTopology, partition));
  }

  partitionOf(key: Uint8Array): number {
    return (this.definition.partitioner ?? partitionForKey)(key, this.partitionCount);
  }

  local(partition: number): LocalPartition | undefined {
    const task = this.options.task(this.taskIds[partition]);
    const store = task?.stores.get(this.definition.name)?.store;
    return task === undefined || store === undefined ? undefined : new ActivePartition(task, store);
  }

  standby(partition: number): LocalPartition | undefined {
    const task = this.options.standby(this.taskIds[partition]);
    const store = task?.stores.get(this.definition.name)?.store;
    if (task === undefined || store === undefined || !task.state.is('standby')) return undefined;
    return new StandbyPartition(task, store, this.options.freshness(task, this.definition.name));
  }

  owner(partition: number): PartitionOwner | undefined {
    return this.options.owner(this.taskIds[partition]);
  }

  async approximateEntries(): Promise<number> {
    let entries = 0;
    for (const id of this.taskIds) {
      const store = this.options.task(id)?.stores.get(this.definition.name)?.store;
      if (store !== undefined) entries += await store.approximateEntries();
    }
    return entries;
  }
}

/** Made for every read, so everything is worked out when it is asked for (bench `query`, local/controller). */
abstract class StorePartition {
  readonly position: ChangelogPosition | undefined;

  constructor(
    protected readonly task: Task,
    protected readonly store: StateStore,
  ) {
    this.position = store.position;
  }

  get partition(): number {
    return this.task.partition;
  }

  get taskId(): Task['id'] {
    return this.task.id;
  }

  standing(): Awaitable<ChangelogPosition> {
    return this.store.standing();
  }

  approximateEntries(): Promise<number> {
    return this.store.approximateEntries();
  }

  positionOf(...looked: Parameters<StateStore['positionOf']>): ChangelogPosition | undefined {
    return this.store.positionOf(...looked);
  }
}

class ActivePartition extends StorePartition implements LocalPartition {
  readonly state: TaskState;
  readonly view: CommittedView | undefined;

  constructor(task: Task, store: StateStore) {
    super(task, store);
    const { state } = task.state;
    this.state = state;
    this.view = state === 'running' || (state === 'suspended' && task.isRestored) ? store.view : undefined;
  }

  get restore(): RestoreProgress | undefined {
    return this.task.restoring.get(this.store.name);
  }

  get uncommitted(): CommittedView | undefined {
    return this.state === 'running' ? this.store.uncommitted : undefined;
  }

  processed(topic: string): number | undefined {
    const committed = this.task.records.queues.find((queue) => queue.topic === topic)?.committed;
    return committed === undefined || committed < 0 ? undefined : committed;
  }
}

class StandbyPartition extends StorePartition implements LocalPartition {
  readonly state = 'standby';
  readonly view: CommittedView | undefined;

  constructor(
    task: Task,
    store: StateStore,
    readonly copy: CopyFreshness | undefined,
  ) {
    super(task, store);
    this.view = copy && store.view;
  }

  processed(): undefined {
    return undefined;
  }
}
