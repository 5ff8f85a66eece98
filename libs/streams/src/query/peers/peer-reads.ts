import {
  LATEST_COMMITTED,
  type CountAnswer,
  type EntriesAnswer,
  type PartitionReads,
  type PartitionTarget,
  type ReadBounds,
  type ScanPart,
  type ValuesAnswer,
} from '../reads/partition-reads.js';
import type { PeerClient } from './peer-client.js';
import type { Peer } from './peer.js';
import { decodeCount, decodeEntries, decodeValues, encodeRequest } from './peer-protocol.js';

/** Keys of one call. */
const MAX_KEYS = 500;

interface WaitingGet {
  readonly keys: readonly Uint8Array[];
  resolve(answer: ValuesAnswer): void;
  reject(error: unknown): void;
}

/** Point reads of one partition that wait for the call under way to end. */
interface Lane {
  isBusy: boolean;
  waiting: WaitingGet[];
}

/**
 * Reads what another instance holds; that instance answers from its own state or not at all. While a call for point reads of a partition is under way,
 * further ones wait and then share the next call (bench `query`, forwarded/local).
 */
export class PeerReads implements PartitionReads {
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly peer: Peer,
    private readonly client: PeerClient,
  ) {}

  async get(target: PartitionTarget, keys: readonly Uint8Array[], bounds: ReadBounds): Promise<ValuesAnswer> {
    if (bounds !== LATEST_COMMITTED) return this.ask(target, keys, bounds);
    const lane = this.laneOf(target);
    if (lane.isBusy) return new Promise((resolve, reject) => void lane.waiting.push({ keys, resolve, reject }));
    lane.isBusy = true;
    try {
      return await this.ask(target, keys, bounds);
    } finally {
      void this.next(target, lane);
    }
  }

  async scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    const request = encodeRequest({ op: 'scan', target, part, bounds });
    return decodeEntries(await this.client.call('scan', this.peer, request, bounds.waitMs));
  }

  async count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    const request = encodeRequest({ op: 'count', target, part, bounds });
    return decodeCount(await this.client.call('count', this.peer, request, bounds.waitMs));
  }

  private async ask(target: PartitionTarget, keys: readonly Uint8Array[], bounds: ReadBounds): Promise<ValuesAnswer> {
    const request = encodeRequest({ op: 'get', target, keys, bounds });
    return decodeValues(await this.client.call('get', this.peer, request, bounds.waitMs));
  }

  private laneOf({ store, partition }: PartitionTarget): Lane {
    const key = `${store}/${partition}`;
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      lane = { isBusy: false, waiting: [] };
      this.lanes.set(key, lane);
    }
    return lane;
  }

  /** Sends what has waited, and what comes to wait meanwhile. */
  private async next(target: PartitionTarget, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const batch: WaitingGet[] = [];
      for (let keys = 0; lane.waiting.length > 0 && keys < MAX_KEYS; keys += batch.at(-1)!.keys.length)
        batch.push(lane.waiting.shift()!);
      try {
        const all = batch.flatMap(({ keys }) => keys);
        const { values, freshness } = await this.ask(target, all, LATEST_COMMITTED);
        let from = 0;
        for (const { keys, resolve } of batch)
          resolve({ values: values.slice(from, (from += keys.length)), freshness });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    lane.isBusy = false;
  }
}
