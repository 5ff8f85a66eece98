import type { KeyBounds, StoreCursor, StoreEntries } from '../../stores/store-engine.js';
import type { ReadablePartition } from '../locate-partition.js';
import { bounds, isEmptyRange, keyAfter, type ScanOrder } from './key-range.js';

/** An entry's place in a scan. Two partitions may hold the same key, so the partition is part of it. */
export interface ScanPosition {
  readonly key: Uint8Array;
  readonly partition: number;
}

export interface ScanEntry extends ScanPosition {
  readonly value: Uint8Array;
}

export interface ScanOptions {
  readonly bounds: KeyBounds;
  readonly order: ScanOrder;
  readonly limit: number;
  /** The scan goes on behind this entry. */
  readonly after?: ScanPosition;
}

const MIN_CHUNK = 16;

/**
 * Merges the partitions by key, as unsigned bytes, then by partition, both in `order`. Opens one cursor a partition and closes every one of
 * them, whatever happens.
 */
export async function scanPartitions(
  partitions: readonly ReadablePartition[],
  options: ScanOptions,
): Promise<{ readonly entries: readonly ScanEntry[]; readonly hasMore: boolean }> {
  const { order, limit } = options;
  const share = Math.ceil((2 * (limit + 1)) / Math.max(1, partitions.length));
  const chunk = Math.min(limit + 1, Math.max(MIN_CHUNK, share));
  const heads: Head[] = [];
  try {
    for (const { partition, view } of partitions) {
      const range = remaining(options, partition);
      if (isEmptyRange(range)) continue;
      heads.push(new Head(partition, view.openCursor(range, { reverse: order === 'desc' }), chunk));
    }
    // A cursor must not be closed under a read, so all of them settle first.
    const filled = await Promise.allSettled(heads.map((head) => head.fill()));
    for (const outcome of filled) if (outcome.status === 'rejected') throw outcome.reason;
    const entries: ScanEntry[] = [];
    while (entries.length < limit) {
      const head = next(heads, order);
      if (!head) break;
      entries.push(head.take());
      if (head.isEmpty) await head.fill();
    }
    return { entries, hasMore: heads.some(({ isEmpty }) => !isEmpty) };
  } finally {
    await Promise.allSettled(heads.map((head) => head.close()));
  }
}

function remaining({ bounds: { gte, lt }, order, after }: ScanOptions, partition: number): KeyBounds {
  if (!after) return bounds(gte, lt);
  const isPassed = order === 'asc' ? partition <= after.partition : partition >= after.partition;
  if (order === 'asc') return bounds(isPassed ? keyAfter(after.key) : after.key, lt);
  return bounds(gte, isPassed ? after.key : keyAfter(after.key));
}

function next(heads: readonly Head[], order: ScanOrder): Head | undefined {
  let best: Head | undefined;
  for (const head of heads) {
    if (head.isEmpty) continue;
    const difference = best === undefined ? -1 : Buffer.compare(head.key, best.key) || head.partition - best.partition;
    if (best === undefined || (order === 'asc' ? difference < 0 : difference > 0)) best = head;
  }
  return best;
}

/** The next entries of one partition. */
class Head {
  private chunk: StoreEntries = { keys: [], values: [] };
  private at = 0;

  constructor(
    readonly partition: number,
    private readonly cursor: StoreCursor,
    private readonly chunkSize: number,
  ) {}

  /** After `fill`: the partition has nothing more. */
  get isEmpty(): boolean {
    return this.at >= this.chunk.keys.length;
  }

  get key(): Uint8Array {
    return this.chunk.keys[this.at];
  }

  async fill(): Promise<void> {
    this.chunk = await this.cursor.next(this.chunkSize);
    this.at = 0;
  }

  take(): ScanEntry {
    const { key, partition } = this;
    return { key, partition, value: this.chunk.values[this.at++] };
  }

  close(): Promise<void> {
    return this.cursor.close();
  }
}
