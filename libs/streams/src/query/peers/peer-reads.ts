import { QueryError } from '../problem/query-error.js';
import {
  LATEST_COMMITTED,
  noOlderThan,
  type CountAnswer,
  type EntriesAnswer,
  type PartitionReads,
  type PartitionTarget,
  type ReadBounds,
  type ScanPart,
  type ValuesAnswer,
} from '../reads/partition-reads.js';
import type { ValueBudget, ValueShare } from '../reads/value-budget.js';
import type { PeerClient } from './peer-client.js';
import type { Peer } from './peer.js';
import { decodeCount, decodeEntries, decodeValues, encodeRequest } from './peer-protocol.js';

/** Keys that look-ups which have waited share a call for; a single look-up may have more. */
const MAX_KEYS = 500;
/** Of the keys of one call; a single one may be longer. */
const MAX_KEY_BYTES = 1024 * 1024;
/** Milliseconds that the other instance waits in one call; a request with more time asks again. */
const MAX_WAIT_MS = 60_000;

interface WaitingGet {
  readonly keys: readonly Uint8Array[];
  readonly budget: ValueBudget | undefined;
  resolve(answer: ValuesAnswer): void;
  reject(error: unknown): void;
}

/** Point reads of one partition that wait for the call under way to end. */
interface Lane {
  isBusy: boolean;
  waiting: WaitingGet[];
  /** Keys that the next of them share a call for: fewer where values are so large that one answer does not carry all that were read for it. */
  maxKeys: number;
}

/**
 * Reads what another instance holds; that instance answers from its own state or not at all. While a call for point reads of a partition is under way,
 * further ones wait and then share the next call (bench `query`, forwarded/local). An answer carries only so many bytes; what it lacks is asked for again.
 */
export class PeerReads implements PartitionReads {
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly peer: Peer,
    private readonly client: PeerClient,
  ) {}

  async get(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget?: ValueBudget,
  ): Promise<ValuesAnswer> {
    if (bounds !== LATEST_COMMITTED) return this.ask(target, keys, inOneCall(bounds), budget);
    const lane = this.laneOf(target);
    if (lane.isBusy) return new Promise((resolve, reject) => void lane.waiting.push({ keys, budget, resolve, reject }));
    lane.isBusy = true;
    let first: ValuesAnswer;
    try {
      first = await this.askPart(target, keysOfCall(keys, 0, keys.length), bounds, budget);
    } finally {
      void this.next(target, lane);
    }
    return this.completed(target, keys, bounds, first, budget);
  }

  async scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    const asked = inOneCall(bounds);
    const request = encodeRequest({ op: 'scan', target, part, bounds: asked });
    return this.client.call('scan', this.peer, request, decodeEntries, asked.waitMs, bounds);
  }

  async count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    const asked = inOneCall(bounds);
    const request = encodeRequest({ op: 'count', target, part, bounds: asked });
    return this.client.call('count', this.peer, request, decodeCount, asked.waitMs, bounds);
  }

  /** All values of one look-up. */
  private async ask(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget: ValueBudget | undefined,
  ): Promise<ValuesAnswer> {
    const first = await this.askPart(target, keysOfCall(keys, 0, keys.length), bounds, budget);
    return this.completed(target, keys, bounds, first, budget);
  }

  /** One call; its answer may lack values from the end. */
  private askPart(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget?: ValueBudget,
  ): Promise<ValuesAnswer> {
    const request = encodeRequest({ op: 'get', target, keys, bounds, ...(budget && { maxBytes: budget.partBytes }) });
    return this.client.call('get', this.peer, request, decodeValues, bounds.waitMs, bounds);
  }

  /** The answer to a whole look-up, of which `first` is the first part; cut off where the budget is spent. */
  private async completed(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    first: ValuesAnswer,
    budget: ValueBudget | undefined,
  ): Promise<ValuesAnswer> {
    if (budget === undefined && first.values.length >= keys.length) return first;
    const share = budget?.share();
    try {
      return await this.askRest(target, keys, bounds, first, share);
    } catch (error) {
      share?.clear();
      throw error;
    }
  }

  /**
   * What the first part of a look-up lacks. The others are asked to be no older, so all values show at least the position of the first part, which is
   * that of the answer; it is as old as the oldest of its parts.
   */
  private async askRest(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    first: ValuesAnswer,
    share: ValueShare | undefined,
  ): Promise<ValuesAnswer> {
    const values: (Uint8Array | undefined)[] = [];
    let isSpent = !takeAdmitted(first.values, share, values);
    const atLeast = noOlderThan(bounds, first.freshness);
    let { stalenessMs } = first.freshness;
    // What an answer does not carry was read in vain, so not much more is asked for than it carried before.
    let maxKeys = Math.max(1, values.length);
    while (!isSpent && values.length < keys.length) {
      const asked = keysOfCall(keys, values.length, maxKeys);
      const part = await this.askPart(target, asked, atLeast, share?.budget);
      if (part.values.length === 0)
        throw new QueryError('failed', `The instance "${this.peer.instanceId}" answered a look-up without any value.`);
      isSpent = !takeAdmitted(part.values, share, values);
      stalenessMs = Math.max(stalenessMs, part.freshness.stalenessMs);
      maxKeys = part.values.length < asked.length ? part.values.length : 2 * maxKeys;
    }
    return { values, freshness: { ...first.freshness, stalenessMs } };
  }

  private laneOf({ store, partition }: PartitionTarget): Lane {
    const key = `${store}/${partition}`;
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      lane = { isBusy: false, waiting: [], maxKeys: MAX_KEYS };
      this.lanes.set(key, lane);
    }
    return lane;
  }

  /** Sends what has waited, and what comes to wait meanwhile. */
  private async next(target: PartitionTarget, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const batch: WaitingGet[] = [];
      for (let keys = 0; lane.waiting.length > 0 && keys < lane.maxKeys; keys += batch.at(-1)!.keys.length)
        batch.push(lane.waiting.shift()!);
      const left = lane.waiting.length;
      try {
        await this.share(target, lane, batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
        // These have waited as long, and an instance that hangs would let them time out batch after batch.
        if (isTimeout(error)) for (const { reject } of lane.waiting.splice(0, left)) reject(error);
      }
    }
    lane.isBusy = false;
  }

  /** Makes one call for all of `batch`. Those that its answer does not reach go back to the head of the line; one that it reaches in part gets the rest at once. */
  private async share(target: PartitionTarget, lane: Lane, batch: readonly WaitingGet[]): Promise<void> {
    const keys = batch.flatMap((get) => get.keys);
    const asked = keysOfCall(keys, 0, keys.length);
    const { values, freshness } = await this.askPart(target, asked, LATEST_COMMITTED, smallestOf(batch));
    lane.maxKeys = values.length < asked.length ? Math.max(1, values.length) : Math.min(MAX_KEYS, 2 * lane.maxKeys);
    let from = 0;
    for (let i = 0; i < batch.length; i++) {
      const get = batch[i];
      const found = values.slice(from, from + get.keys.length);
      from += get.keys.length;
      if (found.length === get.keys.length && get.budget === undefined) {
        get.resolve({ values: found, freshness });
        continue;
      }
      const isReached = i === 0 || found.length > 0;
      // The others do not wait for the rest of it.
      if (isReached)
        this.completed(target, get.keys, LATEST_COMMITTED, { values: found, freshness }, get.budget).then(
          get.resolve,
          get.reject,
        );
      if (found.length === get.keys.length) continue;
      lane.waiting.unshift(...batch.slice(isReached ? i + 1 : i));
      return;
    }
  }
}

/** The budget whose parts are the smallest: a call that is shared carries no more than each of them allows. */
function smallestOf(batch: readonly WaitingGet[]): ValueBudget | undefined {
  let smallest: ValueBudget | undefined;
  for (const { budget } of batch)
    if (budget !== undefined && (smallest === undefined || budget.partBytes < smallest.partBytes)) smallest = budget;
  return smallest;
}

/** A wait without end, or longer than timers reach, becomes one that calls can have. */
function inOneCall(bounds: ReadBounds): ReadBounds {
  return bounds.waitMs <= MAX_WAIT_MS ? bounds : { ...bounds, waitMs: MAX_WAIT_MS };
}

/** Moves what `share` admits of `found` to `values`. @returns false if it admits no more */
function takeAdmitted(
  found: ValuesAnswer['values'],
  share: ValueShare | undefined,
  values: (Uint8Array | undefined)[],
): boolean {
  for (const value of found) {
    if (value !== undefined && share?.admit(value.length) === false) return false;
    values.push(value);
  }
  return true;
}

function isTimeout(error: unknown): boolean {
  return error instanceof QueryError && error.problem.name === 'peer-timeout';
}

/** The keys from `from` on, as many as one call carries, and at least one. */
function keysOfCall(keys: readonly Uint8Array[], from: number, maxKeys: number): readonly Uint8Array[] {
  const end = Math.min(keys.length, from + maxKeys);
  let bytes = 0;
  let to = from;
  while (to < end) {
    bytes += keys[to].length;
    if (bytes > MAX_KEY_BYTES && to > from) break;
    to++;
  }
  return to - from === keys.length ? keys : keys.slice(from, to);
}
