import type { RecordHeader } from './record-header.js';

/** Bytes of the columns that a record takes beside its own. */
export const COLUMN_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT + 5 * Int32Array.BYTES_PER_ELEMENT;

/** Where the log stood for this partition when the chunk was fetched. */
export interface ChunkBounds {
  /** The position to read from next; it passes control, aborted and empty batches. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
}

/**
 * The records of one partition from one fetch, decoded into columns over one buffer.
 *
 * A record is an index. Keys, values and headers are ranges of `buffer`; the accessors return *views*, which pin the whole buffer: whoever
 * keeps one copies it. A start of -1 means null (keys, values) or none (headers).
 */
export class RecordChunk {
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly count: number,
    readonly buffer: Buffer,
    readonly offsets: Float64Array,
    readonly timestamps: Float64Array,
    readonly keyStarts: Int32Array,
    readonly keyEnds: Int32Array,
    readonly valueStarts: Int32Array,
    readonly valueEnds: Int32Array,
    readonly headerStarts: Int32Array,
    readonly bounds: ChunkBounds,
    private readonly readHeaders: (buffer: Buffer, start: number) => RecordHeader[],
  ) {}

  get byteLength(): number {
    return this.buffer.length;
  }

  /** Bytes that the chunk holds in memory, its columns included. */
  get heldBytes(): number {
    return this.buffer.length + this.offsets.length * COLUMN_BYTES;
  }

  key(index: number): Buffer | null {
    const start = this.keyStarts[index]!;
    return start < 0 ? null : this.buffer.subarray(start, this.keyEnds[index]);
  }

  value(index: number): Buffer | null {
    const start = this.valueStarts[index]!;
    return start < 0 ? null : this.buffer.subarray(start, this.valueEnds[index]);
  }

  headers(index: number): RecordHeader[] {
    const start = this.headerStarts[index]!;
    return start < 0 ? [] : this.readHeaders(this.buffer, start);
  }
}

/** A chunk of one record without key, value and headers, in the place of records that were not decoded. */
export function placeholderChunk(
  topic: string,
  partition: number,
  offset: number,
  timestamp: number,
  bounds: ChunkBounds,
): RecordChunk {
  const none = Int32Array.of(-1);
  const offsets = Float64Array.of(offset);
  const timestamps = Float64Array.of(timestamp);
  return new RecordChunk(
    topic,
    partition,
    1,
    Buffer.alloc(0),
    offsets,
    timestamps,
    none,
    none,
    none,
    none,
    none,
    bounds,
    () => [],
  );
}
