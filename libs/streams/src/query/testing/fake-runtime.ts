import type {
  InstanceState,
  LocalPartition,
  Membership,
  PartitionOwner,
  QueryableStore,
  TaskStatus,
} from '../../runtime/instance-status.js';
import type { Log } from '../../log/log.js';
import { ReadableChanges, type ReadableListener } from '../../runtime/readable-changes.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { Serde } from '../../serdes/serde.js';
import { EngineView } from '../../stores/committed-view.js';
import { MemoryEngine } from '../../stores/engines/memory/memory-engine.js';
import type { StoreCursor } from '../../stores/store-engine.js';
import type { CommittedView } from '../../stores/state-store.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import type { Topology } from '../../topology/topology.js';

export function storeDefinition<K, V>(
  name: string,
  key: Serde<K>,
  value: Serde<V>,
  options: Partial<StoreDefinition> = {},
): StoreDefinition {
  return {
    name,
    kind: 'key-value',
    key: key as unknown as Serde<unknown>,
    value: value as unknown as Serde<unknown>,
    engine: 'memory',
    changelog: { isEnabled: true, config: {} },
    isQueryable: true,
    restorePriority: 0,
    ...options,
  };
}

/** A view that counts the cursors which are open, and may do something between two reads. */
class WatchedView implements CommittedView {
  readonly inner: EngineView;

  constructor(
    readonly engine: MemoryEngine,
    private readonly store: FakeStore,
  ) {
    this.inner = new EngineView(engine);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.store.beforeRead?.();
    return this.inner.get(key);
  }

  openCursor(...[bounds, options]: Parameters<CommittedView['openCursor']>): StoreCursor {
    const cursor = this.inner.openCursor(bounds, options);
    this.store.openCursors++;
    let isOpen = true;
    return {
      next: async (limit, maxBytes) => {
        this.store.beforeRead?.();
        return cursor.next(limit, maxBytes);
      },
      close: async () => {
        if (isOpen) this.store.openCursors--;
        isOpen = false;
        await cursor.close();
      },
    };
  }
}

/** One store over memory engines; every partition is here and running until a test says otherwise. */
export class FakeStore implements QueryableStore {
  openCursors = 0;
  beforeRead: (() => void) | undefined;
  private readonly views: WatchedView[];
  private readonly locals: (LocalPartition | undefined)[];
  private readonly owners: (PartitionOwner | undefined)[];

  constructor(
    readonly definition: StoreDefinition,
    readonly partitionCount: number,
    private readonly onSet: (partition: number) => void = () => {},
  ) {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
    this.views = partitions.map(() => new WatchedView(new MemoryEngine(), this));
    this.owners = partitions.map(() => ({ instanceId: 'here', url: 'http://here', isLocal: true }));
    this.locals = partitions.map((partition) => ({
      partition,
      taskId: `0_${partition}`,
      state: 'running',
      position: 100 + partition,
      view: this.views[partition],
      ...this.still(partition),
    }));
  }

  partitionOf(key: Uint8Array): number {
    return partitionForKey(key, this.partitionCount);
  }

  local(partition: number): LocalPartition | undefined {
    return this.locals[partition];
  }

  standby(): undefined {
    return undefined;
  }

  owner(partition: number): PartitionOwner | undefined {
    return this.owners[partition];
  }

  approximateEntries(): Promise<number> {
    return Promise.resolve(42);
  }

  set(partition: number, local: Partial<LocalPartition> | undefined, owner?: PartitionOwner): void {
    this.locals[partition] = local && {
      partition,
      taskId: `0_${partition}`,
      state: 'running',
      position: 7,
      ...this.still(partition),
      ...local,
    };
    this.owners[partition] = owner;
    this.onSet(partition);
  }

  /** Nothing is being written, and nothing was processed. */
  private still(
    partition: number,
  ): Pick<LocalPartition, 'standing' | 'processed' | 'positionOf' | 'approximateEntries'> {
    return {
      approximateEntries: () => this.views[partition].engine.approximateEntries(),
      standing: () => this.locals[partition]?.position ?? 0,
      processed: () => undefined,
      positionOf: (_keys, _values, since) => (this.locals[partition]?.position === since ? since : undefined),
    };
  }

  /** Replaces a partition's engine by an empty one, as after a task that was closed and came back. */
  reopen(partition: number): void {
    this.views[partition] = new WatchedView(new MemoryEngine(), this);
    this.set(partition, { view: this.views[partition] }, { instanceId: 'here', url: undefined, isLocal: true });
  }

  async put(key: unknown, value: unknown, partition?: number): Promise<number> {
    const bytes = this.definition.key.serialize(key);
    const to = partition ?? this.partitionOf(bytes);
    await this.views[to].engine.write({ keys: [bytes], values: [this.definition.value.serialize(value)] }, 1);
    return to;
  }
}

/** A runtime that only answers queries. */
export class FakeRuntime implements StreamsRuntime {
  readonly applicationId = 'app';
  readonly instanceId = 'here';
  readonly topology: Topology;
  readonly failure = undefined;
  state: InstanceState = 'running';
  private readonly readable = new ReadableChanges();
  readonly changed = (partition: number): void => this.readable.changed(partition);
  private readonly stores: ReadonlyMap<string, FakeStore>;

  constructor(definitions: readonly StoreDefinition[], partitionCount = 4) {
    this.stores = new Map(
      definitions.map((definition) => [definition.name, new FakeStore(definition, partitionCount, this.changed)]),
    );
    this.topology = {
      subTopologies: [],
      sourceTopics: [],
      sinkTopics: [],
      stores: definitions,
      childrenOf: () => [],
      describe: () => '',
      describeMermaid: () => '',
      fingerprint: () => '',
    };
  }

  store(name: string): FakeStore {
    return this.stores.get(name) as FakeStore;
  }

  queryableStore(name: string): QueryableStore | undefined {
    return this.state === 'created' ? undefined : this.stores.get(name);
  }

  queryableStores(): readonly QueryableStore[] {
    return [...this.stores.values()];
  }

  onReadableChange(listener: ReadableListener): () => void {
    return this.readable.onChange(listener);
  }

  onStateChange(): () => void {
    return () => {};
  }

  async start(): Promise<void> {}
  standbys(): readonly TaskStatus[] {
    return [];
  }

  async handOver(): Promise<void> {
    return;
  }

  stopIntake(): void {}
  async drain(): Promise<void> {}
  async close(): Promise<void> {}
  async whenRunning(): Promise<void> {}

  async pause(): Promise<void> {}
  async resume(): Promise<void> {}

  pauses(): readonly never[] {
    return [];
  }

  tasks(): readonly TaskStatus[] {
    return [];
  }

  readonly courtesy = undefined;

  membership(): Membership {
    return { epoch: 1, doubtMs: 0 };
  }

  instances(): ReadonlyMap<string, string | undefined> {
    return new Map([['here', 'http://here']]);
  }

  readonly batchMaxBytes = 64 * 1024 * 1024;

  openLog(): Promise<Log> {
    return Promise.reject(new Error('There is no log.'));
  }

  sourceLag(): readonly never[] {
    return [];
  }
}
