import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { yieldToEventLoop } from '../../runtime/restore/yield-to-event-loop.js';
import type { Membership, QueryableStore } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { CommittedView } from '../../stores/state-store.js';
import type { ChangelogPosition } from '../../stores/store-engine.js';
import type { Clock } from '../../time/clock.js';
import { missingPartition, movingPartition, notRunning } from '../problem/missing-problem.js';
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
import { lookUpValues } from './look-up-values.js';
import { ReadableWaits } from './readable-waits.js';
import { ScanLane } from './scan-lane.js';
import { servesReads } from './serves-reads.js';
import type { ValueBudget, ValueShare } from './value-budget.js';
import { ValueFilter } from './value-filter.js';

const RETRY_DAMAGED_S = 2;
/** Reads that met a moving partition are repeated this often. */
const MAX_ATTEMPTS = 3;
/** Reads under which something became visible are repeated this often. */
const MAX_EXACT_ATTEMPTS = 10;
/** Twice the threads that libuv has by default, so that none of them waits for the event loop. */
const CONCURRENT_SCAN_STEPS = 8;
/** One step is read while another is counted; more would take the event loop from processing. */
const CONCURRENT_COUNT_STEPS = 2;
/** As for scans; in a lane of its own, so that look-ups do not wait behind them. One has its turn until it ends. */
const CONCURRENT_LOOK_UPS = 8;

/** A partition that is readable and as fresh as was asked. */
interface Settled {
  readonly from: ReadablePartition;
  readonly view: CommittedView;
  readonly freshness: Freshness;
}

type WithFreshness = { readonly freshness: Freshness };

/** What a read has found, and where its store stood afterwards. */
interface Looked<T> {
  readonly answer: T;
  readonly standing: ChangelogPosition;
  /** It was read there, and not only before. */
  readonly isCertain?: boolean;
}

/** Values, and where their store stood when the first of them was read. */
interface LookedUp {
  readonly values: ValuesAnswer['values'];
  readonly since: ChangelogPosition;
}

/** Reads what this instance holds. */
export class LocalReads implements PartitionReads {
  private readonly scans = new ScanLane(CONCURRENT_SCAN_STEPS);
  private readonly counts = new ScanLane(CONCURRENT_COUNT_STEPS);
  private readonly lookUps = new ScanLane(CONCURRENT_LOOK_UPS);

  readonly waits: ReadableWaits;

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly clock: Clock,
  ) {
    this.waits = new ReadableWaits(runtime, clock);
  }

  get(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget?: ValueBudget,
  ): Promise<ValuesAnswer> {
    // The usual case by itself (bench `query`, local/controller).
    if (keys.length === 1 && budget === undefined)
      return this.readValues(target, keys, bounds, async ({ view, freshness }) => ({
        since: freshness.position,
        values: [await view.get(keys[0])],
      }));
    return this.lookUp(target, keys, bounds, budget?.share());
  }

  private async lookUp(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    share: ValueShare | undefined,
  ): Promise<ValuesAnswer> {
    try {
      return await this.readValues(target, keys, bounds, ({ view, from: { local } }) =>
        this.lookUps.run(async () => {
          // Of an attempt before this one.
          share?.clear();
          // What became visible while it waited for its turn is no reason to read again.
          const since = await local.standing();
          return { since, values: await lookUpValues(view, keys, share, bounds.signal) };
        }, bounds.signal),
      );
    } catch (error) {
      share?.clear();
      throw error;
    }
  }

  private readValues(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    look: (from: Settled) => Promise<LookedUp>,
  ): Promise<ValuesAnswer> {
    return this.exactly(target, bounds, false, async (settled) => {
      const { local } = settled.from;
      const { values, since } = await look(settled);
      const read = values.length === keys.length ? keys : keys.slice(0, values.length);
      const position = local.positionOf(read, values, since);
      if (position !== undefined) return { answer: { values }, standing: position, isCertain: true };
      const standing = await local.standing();
      return { answer: { values }, standing, isCertain: standing === since };
    });
  }

  async scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    const filter = this.filterOf(target, part);
    return this.walk(target, part, bounds, (view) =>
      scanPart(view, part, filter, (step) => this.scans.run(step, bounds.signal)),
    );
  }

  async count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    if (part.isApproximate) return this.estimate(target, bounds);
    const filter = this.filterOf(target, part);
    const takeTurn = async <T>(step: () => Promise<T>): Promise<T> => {
      // A turn of the event loop for processing between two steps.
      await yieldToEventLoop();
      return this.counts.run(step, bounds.signal);
    };
    return this.walk(target, { ...part, isBulk: true }, bounds, (view) => countPart(view, part, filter, takeTurn));
  }

  private async estimate(target: PartitionTarget, bounds: ReadBounds): Promise<CountAnswer> {
    const { found, settled } = await this.read(target, bounds, false, ({ from: { local } }) =>
      local.approximateEntries(),
    );
    return { count: found, freshness: settled.freshness };
  }

  /** @param start opens its cursor at once. */
  private walk<T extends object>(
    target: PartitionTarget,
    { isBulk = false }: ScanPart,
    bounds: ReadBounds,
    start: (view: CommittedView) => Promise<T>,
  ): Promise<T & WithFreshness> {
    return this.exactly(target, bounds, isBulk, async ({ view, from: { local } }) => {
      const [answer, standing] = await Promise.all([start(view), local.standing()]);
      return { answer, standing };
    });
  }

  /**
   * Reads until it can tell at which position, so that whoever asks for that position next never sees less: what becomes visible under a read may be in
   * what it has found, or not. @throws QueryError
   */
  private async exactly<T extends object>(
    target: PartitionTarget,
    bounds: ReadBounds,
    isBulk: boolean,
    read: (from: Settled) => Promise<Looked<T>>,
  ): Promise<T & WithFreshness> {
    let before: { readonly view: CommittedView; readonly standing: ChangelogPosition } | undefined;
    for (let attempts = 1; attempts <= MAX_EXACT_ATTEMPTS; attempts++) {
      const { found, settled } = await this.read(target, bounds, isBulk, read);
      const { view, freshness } = settled;
      const { answer, standing, isCertain = false } = found;
      if (bounds.isolation === 'uncommitted' || standing === freshness.position) return { ...answer, freshness };
      if (isCertain || (before?.view === view && before.standing === standing))
        return { ...answer, freshness: { ...freshness, position: standing } };
      before = { view, standing };
    }
    throw movingPartition(target);
  }

  /**
   * Reads, and reads again if the partition was closed or moved meanwhile: an engine that closes under a read may look empty, so neither
   * the answer nor the error of such a read counts.
   */
  private async read<T>(
    target: PartitionTarget,
    bounds: ReadBounds,
    isBulk: boolean,
    read: (from: Settled) => Promise<T>,
  ): Promise<{ readonly found: T; readonly settled: Settled }> {
    const courtesy = isBulk ? undefined : this.runtime.courtesy;
    const deadline = bounds.waitMs > 0 ? this.clock.monotonic() + bounds.waitMs : 0;
    for (let attempts = 0; attempts < MAX_ATTEMPTS;) {
      bounds.signal?.throwIfAborted();
      const look = (): Settled | undefined => this.settled(target, bounds, deadline);
      const settled = look() ?? (await this.waits.until(target.partition, this.leftOf(deadline), bounds.signal, look));
      if (settled === undefined) continue;
      attempts++;
      let found: T | undefined;
      let failure: unknown;
      courtesy?.begin();
      try {
        found = await read(settled);
      } catch (error) {
        failure = error;
      } finally {
        courtesy?.end();
      }
      if (!this.isStillThere(target, settled.from)) continue;
      if (failure !== undefined) throw failure instanceof StoreCorruptedError ? damaged(failure) : failure;
      return { found: found as T, settled };
    }
    throw movingPartition(target);
  }

  private leftOf(deadline: number): number {
    return deadline - this.clock.monotonic();
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
    { maxStalenessMs, isolation, sources }: ReadBounds,
    { epoch }: Membership,
  ): ReadablePartition {
    const located = locatePartition(store, partition);
    if (isReadable(located)) return located;
    // Only the owner knows how far it has come with its sources.
    const mayBeOld = maxStalenessMs !== undefined && isolation === 'committed' && sources === undefined;
    const copy = mayBeOld ? locateStandby(store, partition) : undefined;
    if (copy !== undefined) return copy;
    if (this.runtime.state === 'stopping') throw notRunning(this.runtime);
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
    const store = this.runtime.queryableStore(name);
    if (store && servesReads(this.runtime.state)) return store;
    throw notRunning(this.runtime);
  }
}

/** The runtime wipes and restores the store by now. */
function damaged({ store }: StoreCorruptedError): QueryError {
  return new QueryError('restoring', `The store "${store}" is damaged; it is wiped and restored.`, {
    members: { store, retryAfterS: RETRY_DAMAGED_S },
    retryAfterS: RETRY_DAMAGED_S,
  });
}
