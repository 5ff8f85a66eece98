import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { Membership, QueryableStore } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { CommittedView } from '../../stores/state-store.js';
import { delay, type Clock } from '../../time/clock.js';
import { missingPartition, movingPartition } from '../problem/missing-problem.js';
import { QueryError } from '../problem/query-error.js';
import { unmetBound } from './freshness-check.js';
import { isReadable, locatePartition, locateStandby, type ReadablePartition } from './locate-partition.js';
import { countPart, scanPart } from './part-scan.js';
import type {
  CountAnswer,
  EntriesAnswer,
  Freshness,
  PartitionReads,
  PartitionTarget,
  ReadBounds,
  ScanPart,
  ValuesAnswer,
} from './partition-reads.js';
import { ValueFilter } from './value-filter.js';

const RETRY_NOT_RUNNING_S = 5;
const RETRY_DAMAGED_S = 2;
/** Reads that met a moving partition are repeated this often. */
const MAX_ATTEMPTS = 3;
/** Writes that end under a read of one key make it read again, this often. */
const MAX_EXACT_ATTEMPTS = 10;
/** Between two looks at whether bounds are met. */
const LOOK_EVERY_MS = 5;

type ReadKind = Pick<ScanPart, 'isExact' | 'isBulk'>;

const SINGLE: ReadKind = Object.freeze({});

/** A partition that is readable and as fresh as was asked. */
interface Settled {
  readonly from: ReadablePartition;
  readonly view: CommittedView;
  readonly freshness: Freshness;
}

/** Reads what this instance holds. */
export class LocalReads implements PartitionReads {
  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly clock: Clock,
  ) {}

  async get(target: PartitionTarget, keys: readonly Uint8Array[], bounds: ReadBounds): Promise<ValuesAnswer> {
    if (keys.length === 1) return this.getOne(target, keys[0], bounds);
    const { found, freshness } = await this.read(target, bounds, SINGLE, (view) =>
      Promise.all(keys.map((key) => view.get(key))),
    );
    return { values: found, freshness };
  }

  /** With the position of exactly what it has found, so that whoever asks for that position next never sees less. */
  private async getOne(target: PartitionTarget, key: Uint8Array, bounds: ReadBounds): Promise<ValuesAnswer> {
    for (let attempts = 1; ; attempts++) {
      const { found, freshness, from } = await this.read(target, bounds, SINGLE, (view) => view.get(key));
      if (bounds.isolation === 'uncommitted' || attempts === MAX_EXACT_ATTEMPTS) return { values: [found], freshness };
      const position = from.local.positionOf(key, found, freshness.position);
      if (position !== undefined) return { values: [found], freshness: { ...freshness, position } };
      await from.local.settled();
    }
  }

  async scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    const filter = this.filterOf(target, part);
    const { found, freshness } = await this.read(target, bounds, part, (view) => scanPart(view, part, filter));
    return { ...found, freshness };
  }

  async count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    const filter = this.filterOf(target, part);
    const { found, freshness } = await this.read(target, bounds, part, (view) => countPart(view, part, filter));
    return { ...found, freshness };
  }

  /**
   * Reads, and reads again if the partition was closed or moved meanwhile: an engine that closes under a read may look empty, so neither
   * the answer nor the error of such a read counts.
   */
  private async read<T>(
    target: PartitionTarget,
    bounds: ReadBounds,
    { isExact = false, isBulk = false }: ReadKind,
    read: (view: CommittedView) => Promise<T>,
  ): Promise<{ readonly found: T; readonly freshness: Freshness; readonly from: ReadablePartition }> {
    const courtesy = isBulk ? undefined : this.runtime.courtesy;
    const deadline = bounds.waitMs > 0 ? this.clock.monotonic() + bounds.waitMs : 0;
    for (let attempts = 0; attempts < MAX_ATTEMPTS;) {
      const settled = this.settled(target, bounds, deadline);
      if (settled === undefined) {
        await delay(this.clock, LOOK_EVERY_MS);
        continue;
      }
      const { from, view, freshness } = settled;
      const settling = isExact ? from.local.settled() : undefined;
      if (settling !== undefined) {
        await settling;
        continue;
      }
      attempts++;
      let found: T | undefined;
      let failure: unknown;
      courtesy?.begin();
      try {
        found = await read(view);
      } catch (error) {
        failure = error;
      } finally {
        courtesy?.end();
      }
      if (!this.isStillThere(target, from)) continue;
      if (failure !== undefined) throw failure instanceof StoreCorruptedError ? damaged(failure) : failure;
      return { found: found as T, freshness, from };
    }
    throw movingPartition(target);
  }

  private isStillThere({ store, partition }: PartitionTarget, { role, view }: ReadablePartition): boolean {
    const queryable = this.serving(store);
    return (role === 'active' ? queryable.local(partition) : queryable.standby(partition))?.view === view;
  }

  /** @returns undefined if waiting may help, and is allowed. @throws QueryError */
  private settled({ store, partition }: PartitionTarget, bounds: ReadBounds, deadline: number): Settled | undefined {
    const queryable = this.serving(store);
    const membership = this.runtime.membership();
    const from = this.locate(queryable, partition, bounds, membership);
    const view = bounds.isolation === 'uncommitted' ? (from.local.uncommitted ?? from.view) : from.view;
    const freshness = this.freshnessOf(from, membership);
    const unmet = unmetBound(store, from, freshness, bounds);
    if (unmet === undefined) return { from, view, freshness };
    if (deadline > this.clock.monotonic()) return undefined;
    throw unmet;
  }

  private locate(
    store: QueryableStore,
    partition: number,
    { maxStalenessMs, isolation }: ReadBounds,
    { epoch }: Membership,
  ): ReadablePartition {
    const located = locatePartition(store, partition);
    if (isReadable(located)) return located;
    const copy =
      maxStalenessMs === undefined || isolation === 'uncommitted' ? undefined : locateStandby(store, partition);
    if (copy !== undefined) return copy;
    if (this.runtime.state === 'stopping') throw this.notRunning();
    throw missingPartition(store.definition.name, located, epoch);
  }

  private freshnessOf({ partition, role, local }: ReadablePartition, { epoch, doubtMs }: Membership): Freshness {
    const isActive = role === 'active';
    return {
      partition,
      position: local.position ?? 0,
      role,
      lag: isActive ? 0 : local.copy?.lag,
      stalenessMs: isActive ? doubtMs : (local.copy?.stalenessMs ?? Infinity),
      instanceId: this.runtime.instanceId,
      epoch,
    };
  }

  private filterOf({ store }: PartitionTarget, { where }: ScanPart): ((value: Uint8Array) => boolean) | undefined {
    if (where === undefined || where.length === 0) return undefined;
    const filter = new ValueFilter(where);
    const { value } = this.serving(store).definition;
    return (bytes) => filter.matches(value.deserialize(bytes));
  }

  private serving(name: string): QueryableStore {
    const { state } = this.runtime;
    const store = this.runtime.queryableStore(name);
    // A stopping instance still reads what it holds until its stores close.
    if (store && (state === 'running' || state === 'rebalancing' || state === 'stopping')) return store;
    throw this.notRunning();
  }

  private notRunning(): QueryError {
    const { state, instanceId } = this.runtime;
    return new QueryError('not-running', `The instance "${instanceId}" is ${state} and does not answer this query.`, {
      members: { state, retryAfterS: RETRY_NOT_RUNNING_S },
      retryAfterS: RETRY_NOT_RUNNING_S,
    });
  }
}

/** The runtime wipes and restores the store by now. */
function damaged({ store }: StoreCorruptedError): QueryError {
  return new QueryError('restoring', `The store "${store}" is damaged; it is wiped and restored.`, {
    members: { store, retryAfterS: RETRY_DAMAGED_S },
    retryAfterS: RETRY_DAMAGED_S,
  });
}
