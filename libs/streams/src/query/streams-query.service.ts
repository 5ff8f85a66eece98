import type { QueryableStore } from '../runtime/instance-status.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import type { Clock } from '../time/clock.js';
import { SystemClock } from '../time/system-clock.js';
import { ChangelogTails } from './feed/tail/changelog-tails.js';
import { checkOwners } from './feed/snapshot/check-owners.js';
import { StoreFeed, type FeedEvent, type FeedRequest } from './feed/store-feed.js';
import {
  storeMetadata,
  type KeyMetadata,
  type PartitionMetadata,
  type StoreMetadata,
} from './metadata/store-metadata.js';
import type { PeerNetwork } from './peers/peer-network.js';
import { boundsOf, type FreshnessRequest } from './position/freshness-request.js';
import { notRunning, type UnreadPartition } from './problem/missing-problem.js';
import { QueryError } from './problem/query-error.js';
import { distinctKeys } from './distinct-keys.js';
import { readKey } from './read-key.js';
import { InstanceReads } from './instance-reads.js';
import type { LocalReads } from './reads/local-reads.js';
import { LATEST_COMMITTED, type Freshness, type PartitionReads, type ReadBounds } from './reads/partition-reads.js';
import { PART_MAX_BYTES } from './reads/part-scan.js';
import { ValueBudget } from './reads/value-budget.js';
import { servesReads } from './reads/serves-reads.js';
import { keyAfter, readRange } from './scan/key-range.js';
import { PageCursors } from './scan/page-cursor.js';
import type { SharedCounts } from './scan/shared-counts.js';
import {
  StoreScans,
  type PageQuery,
  type ScannedCount,
  type ScannedPage,
  type ScannedStream,
  type CountQuery,
  type StreamQuery,
  type ScanTarget,
} from './scan/store-scans.js';
import { describe, summarise, type StoreDescription, type StoreSummary } from './store-description.js';

export const MAX_LOOKUP_KEYS = 1000;
/** Bytes of the values of one look-up; a single value may be larger. */
export const MAX_LOOKUP_BYTES = 16 * 1024 * 1024;
const PART_MIN_BYTES = 64 * 1024;

export interface StreamsQueryServiceOptions {
  /** Seals cursors; the same on all instances, so that each can go on where another one began. Default: random, so cursors end with the process. */
  readonly cursorSecret?: () => string | Uint8Array | undefined;
  /** Also read stores that are not queryable; for code inside the process. Default false. */
  readonly includesPrivate?: boolean;
  /** The other instances. Default: only what is here is read. */
  readonly network?: () => PeerNetwork | undefined;
  readonly clock?: Clock;
  /** How the stores are read; shared by all services of one runtime. Default: reads of its own, through `network`. */
  readonly reads?: InstanceReads;
}

/** What a feed tells of: all entries, or these. */
export interface ChangesRange {
  /** Serialised. */
  readonly key?: Uint8Array;
  /** As in a scan. */
  readonly prefix?: string;
}

export interface ScanRequest extends PageQuery, FreshnessRequest {}

/** One entry, its value as stored. */
export interface EntryAnswer {
  readonly definition: StoreDefinition;
  readonly value: Uint8Array;
  readonly freshness: Freshness;
}

export interface LookupAnswer {
  readonly definition: StoreDefinition;
  /** In the order of the keys; undefined where the store has no entry. */
  readonly values: readonly (Uint8Array | undefined)[];
  readonly freshness: readonly Freshness[];
}

export interface EntryPage {
  readonly items: readonly { readonly key: unknown; readonly value: unknown }[];
  /** Absent on the last page, and only there. */
  readonly next?: string;
  readonly freshness: readonly Freshness[];
  readonly unreachable: readonly UnreadPartition[];
}

/**
 * Reads the queryable stores of the application, wherever their partitions are: here, or at other instances if `peers` is configured. Without
 * an answer everything rejects with a `QueryError`; a store that is not queryable is as unknown as one that does not exist.
 */
export class StreamsQueryService {
  readonly local: LocalReads;
  private readonly clock: Clock;
  private readonly reads: PartitionReads;
  private readonly counts: SharedCounts;
  private readonly tails = new ChangelogTails();
  private scans: StoreScans | undefined;

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly options: StreamsQueryServiceOptions = {},
  ) {
    const { clock = new SystemClock(), network = () => undefined } = options;
    this.clock = clock;
    const { local, router, counts } = options.reads ?? new InstanceReads(runtime, clock, network);
    this.local = local;
    this.reads = router;
    this.counts = counts;
  }

  /** Whether there is a queryable store of this name. */
  has(name: string): boolean {
    return this.runtime.topology.stores.some((store) => store.name === name && store.isQueryable);
  }

  /** Sorted by name. */
  describeStores(): StoreSummary[] {
    return this.runtime.topology.stores
      .filter(({ isQueryable }) => isQueryable)
      .map((definition) => summarise(definition, this.runtime.queryableStore(definition.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async describeStore(name: string): Promise<StoreDescription> {
    return describe(this.definitionOf(name), this.runtime.queryableStore(name), servesReads(this.runtime.state));
  }

  /** Who answers for a key. @param key as the key serde takes it. */
  metadataForKey(name: string, key: unknown): KeyMetadata {
    return this.metadataForBytes(name, this.definitionOf(name).key.serialize(key));
  }

  /** @param keyText as the key serde's `parseKey` reads it. */
  metadataForText(name: string, keyText: string): KeyMetadata {
    return this.metadataForBytes(name, readKey(this.definitionOf(name), keyText));
  }

  /** Who holds which partition of a store, as far as this instance knows. */
  metadata(name: string): StoreMetadata {
    return storeMetadata(this.serving(this.definitionOf(name)), this.runtime, this.options.network?.()?.directory);
  }

  /** The same of all queryable stores. */
  allMetadata(): StoreMetadata[] {
    return this.describeStores().map(({ name }) => this.metadata(name));
  }

  /** @param keyText as the key serde's `parseKey` reads it. */
  async get(name: string, keyText: string, freshness?: FreshnessRequest): Promise<EntryAnswer> {
    return this.getBytes(name, readKey(this.definitionOf(name), keyText), freshness);
  }

  /** @param key serialised. */
  async getBytes(name: string, key: Uint8Array, request?: FreshnessRequest): Promise<EntryAnswer> {
    const definition = this.definitionOf(name);
    const boundsFor = request ? boundsOf(this.runtime.topology, name, request) : () => LATEST_COMMITTED;
    const { values, freshness } = await this.getKeys(definition, [key], boundsFor);
    const [value] = values;
    // A value comes with the freshness of its own partition alone.
    if (value !== undefined) return { definition, value: value.bytes, freshness: value.freshness };
    const [first] = freshness;
    const place = definition.lookup === undefined ? { partition: first.partition, position: first.position } : {};
    throw new QueryError('key-not-found', `The store "${name}" has no entry for this key.`, {
      members: { store: name, ...place },
      freshness: first,
    });
  }

  /**
   * @param keys serialised, `MAX_LOOKUP_KEYS` at most.
   * @throws QueryError `answer-too-large` if the values have more than `MAX_LOOKUP_BYTES` together
   */
  async lookup(name: string, keys: readonly Uint8Array[], request: FreshnessRequest = {}): Promise<LookupAnswer> {
    const definition = this.definitionOf(name);
    if (keys.length > MAX_LOOKUP_KEYS)
      throw new QueryError('body-too-large', `At most ${MAX_LOOKUP_KEYS} keys are looked up at a time.`, {
        members: { store: name, maxKeys: MAX_LOOKUP_KEYS },
      });
    const bounds = boundsOf(this.runtime.topology, name, request);
    const { distinct, places } = distinctKeys(keys);
    const { values, freshness } = await this.getKeys(definition, distinct, bounds);
    const answered = places.map((place) => values[place]?.bytes);
    let bytes = 0;
    for (const value of answered) bytes += value?.length ?? 0;
    if (keys.length > 1 && bytes > MAX_LOOKUP_BYTES) throw answerTooLarge(name);
    return { definition, values: answered, freshness };
  }

  /** The values of serialised keys, each with the freshness of its partition. @throws QueryError `key-ambiguous` */
  private async getKeys(
    definition: StoreDefinition,
    keys: readonly Uint8Array[],
    bounds: (partition: number) => ReadBounds,
  ): Promise<{ readonly values: readonly (FoundValue | undefined)[]; readonly freshness: readonly Freshness[] }> {
    const { name } = definition;
    const store = this.serving(definition);
    // The usual case by itself (bench `query`, local/controller).
    if (keys.length === 1 && definition.lookup === undefined) {
      const partition = this.partitionOf(store, keys[0]);
      const answer = await this.reads.get({ store: name, partition }, keys, bounds(partition));
      const [bytes] = answer.values;
      return { values: [bytes && { bytes, freshness: answer.freshness }], freshness: [answer.freshness] };
    }
    const budget =
      keys.length === 1
        ? undefined
        : new ValueBudget(
            MAX_LOOKUP_BYTES,
            Math.max(PART_MIN_BYTES, Math.min(PART_MAX_BYTES, Math.floor(MAX_LOOKUP_BYTES / store.partitionCount))),
          );
    const byPartition = new Map<number, number[]>();
    keys.forEach((key, index) => {
      for (const partition of this.partitionsOf(store, key)) {
        const known = byPartition.get(partition);
        if (known) known.push(index);
        else byPartition.set(partition, [index]);
      }
    });
    const values = Array<FoundValue | undefined>(keys.length).fill(undefined);
    const freshness = await Promise.all(
      Array.from(byPartition, async ([partition, indexes]) => {
        const wanted = indexes.map((index) => keys[index]);
        const answer = await this.reads.get({ store: name, partition }, wanted, bounds(partition), budget);
        if (answer.values.length < wanted.length) throw answerTooLarge(name);
        indexes.forEach((index, at) => {
          const bytes = answer.values[at];
          if (bytes === undefined) return;
          const other = values[index];
          if (other !== undefined) throw ambiguousKey(name, [other.freshness.partition, partition]);
          values[index] = { bytes, freshness: answer.freshness };
        });
        return answer.freshness;
      }),
    );
    return { values, freshness };
  }

  async list(name: string, request: ScanRequest = {}): Promise<EntryPage> {
    const { key, value } = this.definitionOf(name);
    const { entries, ...page } = await this.page(name, request);
    return {
      ...page,
      items: entries.map((entry) => ({ key: key.deserialize(entry.key), value: value.deserialize(entry.value) })),
    };
  }

  /** As `list`, in bytes. */
  async page(name: string, request: ScanRequest = {}): Promise<ScannedPage> {
    return this.storeScans.page(this.scanTarget(name, request), request);
  }

  /** All entries, in batches that are read as they are asked for; settles when every partition has begun to answer. */
  async stream(name: string, request: StreamQuery & FreshnessRequest = {}): Promise<ScannedStream> {
    return this.storeScans.stream(this.scanTarget(name, request), request);
  }

  /** Counts that ask the same share one reading if it begins after all of them asked. */
  async count(name: string, request: CountQuery & FreshnessRequest = {}): Promise<ScannedCount> {
    return this.storeScans.count(this.scanTarget(name, request), request);
  }

  /**
   * The entries of a range and every committed change of them. @param key serialised: the feed of one entry.
   * @throws QueryError `feed-unavailable`, `feed-gone`, `not-running`, and as a scan does.
   */
  async changes(
    name: string,
    { key, prefix, ...request }: Pick<FeedRequest, 'after' | 'hasSnapshot' | 'signal'> & ChangesRange,
  ): Promise<AsyncGenerator<FeedEvent>> {
    const definition = this.definitionOf(name);
    const store = this.serving(definition);
    const { runtime, reads, tails, clock } = this;
    if (!servesReads(runtime.state)) throw notRunning(runtime);
    const { partitionCount } = store;
    const { applicationId, batchMaxBytes } = runtime;
    const log = await runtime.openLog();
    const feed = new StoreFeed({ applicationId, definition, partitionCount, log, batchMaxBytes, reads, tails, clock });
    if (key !== undefined)
      return feed.open({
        ...request,
        range: { gte: key, lt: keyAfter(key) },
        partitions: this.partitionsOf(store, key),
      });
    const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
    if (request.hasSnapshot && request.after === undefined) await checkOwners(reads, name, partitions);
    return feed.open({ ...request, range: readRange(definition, prefix === undefined ? {} : { prefix }), partitions });
  }

  /** @throws QueryError `store-not-found` */
  definitionOf(name: string): StoreDefinition {
    const definition = this.runtime.topology.stores.find((store) => store.name === name);
    if (definition && (definition.isQueryable || this.options.includesPrivate)) return definition;
    throw new QueryError('store-not-found', 'There is no queryable store of this name.');
  }

  private metadataForBytes(name: string, key: Uint8Array): KeyMetadata {
    const store = this.serving(this.definitionOf(name));
    if (store.definition.lookup !== undefined)
      throw new QueryError(
        'invalid-parameter',
        `A key of the store "${name}" may be in any partition; ask for the metadata of the whole store.`,
        { members: { store: name, parameter: 'key' } },
      );
    const partition = this.partitionOf(store, key);
    const known = this.metadata(name).partitions.find((each) => each.partition === partition) as PartitionMetadata;
    return { store: name, ...known };
  }

  private get storeScans(): StoreScans {
    this.scans ??= new StoreScans(this.reads, new PageCursors(this.options.cursorSecret?.()), this.counts);
    return this.scans;
  }

  private scanTarget(name: string, request: FreshnessRequest): ScanTarget {
    const definition = this.definitionOf(name);
    const { partitionCount } = this.serving(definition);
    return { definition, partitionCount, boundsOf: boundsOf(this.runtime.topology, name, request) };
  }

  private partitionsOf(store: QueryableStore, key: Uint8Array): readonly number[] {
    if (store.definition.lookup === undefined) return [this.partitionOf(store, key)];
    return Array.from({ length: store.partitionCount }, (_, partition) => partition);
  }

  /** Always of all partitions that the store has, whoever is there to answer for them (KAFKA-20887). */
  private partitionOf(store: QueryableStore, key: Uint8Array): number {
    const partition = store.partitionOf(key);
    if (Number.isInteger(partition) && partition >= 0 && partition < store.partitionCount) return partition;
    throw new Error(
      `The partitioner of the store "${store.definition.name}" named the partition ${String(partition)}.`,
    );
  }

  private serving({ name }: StoreDefinition): QueryableStore {
    const store = this.runtime.queryableStore(name);
    if (store) return store;
    throw notRunning(this.runtime);
  }
}

interface FoundValue {
  readonly bytes: Uint8Array;
  readonly freshness: Freshness;
}

function answerTooLarge(store: string): QueryError {
  return new QueryError(
    'answer-too-large',
    `The values of this look-up have more than ${MAX_LOOKUP_BYTES} bytes together. Look up fewer keys at a time.`,
    { members: { store, maxBytes: MAX_LOOKUP_BYTES } },
  );
}

function ambiguousKey(store: string, partitions: readonly number[]): QueryError {
  return new QueryError(
    'key-ambiguous',
    `Several partitions of the store "${store}" have an entry for this key, ${partitions.join(' and ')} among them. Read all of them with a scan from the key to the key.`,
    { members: { store, partitions } },
  );
}
