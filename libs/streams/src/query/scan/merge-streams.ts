import { isMissing } from '../problem/missing-problem.js';
import type { ScanOrder } from './key-range.js';
import type { PartitionStream } from './partition-stream.js';

/** An entry's place in a scan. Two partitions may hold the same key, so the partition is part of it. */
export interface ScanPosition {
  readonly key: Uint8Array;
  readonly partition: number;
}

export interface ScanEntry extends ScanPosition {
  readonly value: Uint8Array;
}

/** The stream that is next in the order of keys, as unsigned bytes, then of partitions; undefined when all have ended. Its head may be a mark. */
export function nextStream(streams: readonly PartitionStream[], order: ScanOrder): PartitionStream | undefined {
  let best: PartitionStream | undefined;
  let bestKey: Uint8Array | undefined;
  for (const stream of streams) {
    const { key } = stream;
    if (key === undefined) continue;
    if (best === undefined || bestKey === undefined) {
      best = stream;
      bestKey = key;
      continue;
    }
    const difference = Buffer.compare(key, bestKey) || stream.partition - best.partition;
    if (order === 'asc' ? difference < 0 : difference > 0) {
      best = stream;
      bestKey = key;
    }
  }
  return best;
}

/** Parts that one page may ask for beyond the first of each partition: conditions that few entries meet end a page early, not late. */
const PAGE_MAX_FILLS = 16;
/** Bytes of a page; the entry that reaches them is its last. */
const PAGE_MAX_BYTES = 8 * 1024 * 1024;

export interface MergedPage {
  readonly entries: readonly ScanEntry[];
  /** The page behind this one begins here; undefined where nothing follows. */
  readonly last: ScanPosition | undefined;
}

/** Up to `limit` entries of streams that have been filled once. A page may end early, with `last` at a mark. */
export async function mergePage(
  streams: readonly PartitionStream[],
  order: ScanOrder,
  limit: number,
): Promise<MergedPage> {
  const entries: ScanEntry[] = [];
  let last: ScanPosition | undefined;
  let bytes = 0;
  for (let fills = 0; ;) {
    const stream = nextStream(streams, order);
    if (stream?.key === undefined) return { entries, last: undefined };
    const { key, partition } = stream;
    if (stream.isMark) {
      if (fills++ >= PAGE_MAX_FILLS) return { entries, last: { key, partition } };
      try {
        await stream.fill();
      } catch (error) {
        if (!isMissing(error)) throw error;
        // It moves or restores: the page ends here, and what begins the next one finds out.
        return { entries, last: { key, partition } };
      }
      continue;
    }
    if (entries.length === limit || bytes >= PAGE_MAX_BYTES) return { entries, last };
    last = { key, partition };
    const value = stream.take();
    bytes += key.length + value.length;
    entries.push({ key, partition, value });
  }
}

/** Bytes of a batch; the entry that reaches them is its last. */
const BATCH_MAX_BYTES = 1024 * 1024;

/** All entries of streams that have been filled once, in batches. @param asFailure what is thrown where a later part of a partition cannot be read. */
export async function* mergeAll(
  streams: readonly PartitionStream[],
  order: ScanOrder,
  batchSize: number,
  asFailure: (partition: number, error: unknown) => unknown,
): AsyncGenerator<readonly ScanEntry[]> {
  let batch: ScanEntry[] = [];
  let bytes = 0;
  for (;;) {
    const stream = nextStream(streams, order);
    if (stream?.key === undefined) break;
    const { key, partition } = stream;
    if (stream.isMark) {
      try {
        await stream.fill();
      } catch (error) {
        throw asFailure(partition, error);
      }
      continue;
    }
    const value = stream.take();
    bytes += key.length + value.length;
    if (batch.push({ key, partition, value }) < batchSize && bytes < BATCH_MAX_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
