import type { RecordChunk } from '../../../log/records/record-chunk.js';

/** A feed, as the tail sees it. */
export interface TailFollower {
  readonly partitions: readonly number[];
  /** Whether it has read all there was, and sleeps until `wake`. */
  readonly isWaiting: boolean;
  wake(): void;
  /** Nothing more comes, and why. */
  fail(error: Error): void;
}

/** An object of a chunk; so chunks without records are bounded too. */
const BYTES_PER_CHUNK = 256;

/** What a chunk takes of the memory. */
export function costOf(chunk: RecordChunk): number {
  return chunk.heldBytes + BYTES_PER_CHUNK;
}

/** The latest chunks of one partition, without a gap between them. */
export class TailWindow {
  readonly followers = new Set<TailFollower>();
  /** Whether the reader has taken it on. */
  isAssigned = false;
  private readonly chunks: RecordChunk[] = [];
  private first: number | undefined;

  constructor(readonly partition: number) {}

  /** The lowest offset from which everything is here, or will be; undefined before `begin`. */
  get start(): number | undefined {
    return this.first;
  }

  /** @param offset that of the first chunk to come. */
  begin(offset: number): void {
    this.first = offset;
  }

  /** @param chunk the one behind the last one. */
  add(chunk: RecordChunk): void {
    this.chunks.push(chunk);
    for (const follower of this.followers) follower.wake();
  }

  /** @returns what that sets free. */
  dropOldest(): number {
    const oldest = this.chunks.shift();
    if (oldest === undefined) return 0;
    this.first = oldest.bounds.nextOffset;
    return costOf(oldest);
  }

  /** The chunk with what follows at `offset`; it may begin before. Undefined: not here yet, or no longer. */
  find(offset: number): RecordChunk | undefined {
    if (this.first === undefined || offset < this.first) return undefined;
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunks[middle].bounds.nextOffset > offset) high = middle;
      else low = middle + 1;
    }
    return this.chunks[low];
  }
}
