import type { KeyBounds } from '../../stores/store-engine.js';
import {
  noOlderThan,
  type Freshness,
  type PartitionReads,
  type PartitionTarget,
  type ReadBounds,
} from '../reads/partition-reads.js';
import { bounds, isEmptyRange, keyAfter } from './key-range.js';

export interface PartitionStreamOptions {
  readonly reads: PartitionReads;
  readonly target: PartitionTarget;
  readonly range: KeyBounds;
  readonly reverse: boolean;
  readonly where: readonly string[];
  readonly bounds: ReadBounds;
  /** Entries asked for first; each part may be twice as large as the one before, up to `chunkMax`. */
  readonly chunk: number;
  readonly chunkMax: number;
  /** Bytes of one part. */
  readonly maxBytes: number;
  /** Ask for the next part while this one is read. */
  readonly readsAhead: boolean;
}

interface Part {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  /** Where to go on, and undefined at the end. */
  readonly lookedAt: Uint8Array | undefined;
}

const NOTHING: Part = { keys: [], values: [], lookedAt: undefined };

/**
 * The entries of one partition, asked for part by part, so whoever owns the partition by then answers. Between two parts the head is a mark: a
 * key without a value, up to which there is nothing more.
 */
export class PartitionStream {
  /** Of the first part; later ones are asked to be at least as fresh. */
  freshness: Freshness | undefined;
  private part: Part = NOTHING;
  private at = 0;
  private range: KeyBounds;
  private ahead: Promise<Part> | undefined;
  private chunk: number;

  constructor(private readonly options: PartitionStreamOptions) {
    this.range = options.range;
    this.chunk = options.chunk;
  }

  get partition(): number {
    return this.options.target.partition;
  }

  /** The next key, or that of a mark; undefined at the end. */
  get key(): Uint8Array | undefined {
    return this.at < this.part.keys.length ? this.part.keys[this.at] : this.part.lookedAt;
  }

  get isMark(): boolean {
    return this.at >= this.part.keys.length;
  }

  /** The value of the head, and on to the next. */
  take(): Uint8Array {
    return this.part.values[this.at++];
  }

  /** Begins, or goes on behind a mark. @throws QueryError */
  async fill(): Promise<void> {
    const next = this.ahead ?? this.ask();
    this.ahead = undefined;
    this.part = await next;
    this.at = 0;
    if (this.part.lookedAt === undefined) return;
    this.advance(this.part.lookedAt);
    if (!this.options.readsAhead) return;
    this.ahead = this.ask();
    // Whoever goes on awaits it; whoever stops does not care.
    this.ahead.catch(() => {});
  }

  private async ask(): Promise<Part> {
    const { reads, target, reverse, where, chunkMax, maxBytes, readsAhead: isBulk } = this.options;
    if (isEmptyRange(this.range)) return NOTHING;
    const limit = this.chunk;
    this.chunk = Math.min(2 * limit, chunkMax);
    const conditions = where.length > 0 && { where };
    const part = { range: this.range, reverse, limit, maxBytes, ...conditions, ...(isBulk && { isBulk }) };
    const { keys, values, lookedAt, freshness } = await reads.scan(
      target,
      part,
      noOlderThan(this.options.bounds, this.freshness),
    );
    this.freshness ??= freshness;
    return { keys, values, lookedAt };
  }

  private advance(key: Uint8Array): void {
    const { gte, lt } = this.range;
    this.range = this.options.reverse ? bounds(gte, key) : bounds(keyAfter(key), lt);
  }
}
