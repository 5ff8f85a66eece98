import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import type { AbortedTransaction } from '../protocol/messages.js';
import type { IsolationLevel } from '../log.js';
import {
  BATCH_HEADER_BYTES,
  BatchAttribute,
  isChecksumValid,
  readBatchHeader,
  type BatchHeader,
} from './batch-header.js';
import { decompress } from './compression/codec.js';
import { ExpansionLimitError } from './compression/expansion-limit.js';
import { COLUMN_BYTES, RecordChunk, type ChunkBounds } from './record-chunk.js';
import type { RecordHeader } from './record-header.js';
import { VarintCursor } from './varint.js';

/** One partition of a fetch response, and the position it was asked for. */
export interface FetchedBytes {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly isolation: IsolationLevel;
  readonly records: Buffer;
  readonly aborted: readonly AbortedTransaction[];
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
}

/** Bounds of what is decoded at a time. */
export interface DecodeLimits {
  /** Decompressed bytes after which a chunk ends. A chunk without compressed batches is as long as what was fetched. */
  readonly chunkMaxBytes: number;
  /** Most bytes that one compressed batch may take in memory, the columns of its records included. */
  readonly batchMaxBytes: number;
}

/** The largest `batchMaxBytes`. A fetch has at most as many bytes, so positions in a chunk fit into int32. */
export const LARGEST_BATCH_BYTES = 2 ** 30;
const LARGEST_CHUNK_BYTES = 2 ** 31 - 1;
/** The shortest record: length, attributes, two deltas, length of key and of value, number of headers, a byte each. */
const MIN_RECORD_BYTES = 7;

/** Decodes all fetched batches into one chunk. For bytes that this process has written. @throws RangeError for damaged bytes, or too many. */
export function decodeRecords(fetched: FetchedBytes): RecordChunk {
  const batches = new FetchedRecords(fetched, { chunkMaxBytes: Infinity, batchMaxBytes: LARGEST_BATCH_BYTES });
  const chunk = batches.next();
  if (!batches.isEmpty)
    throw new RangeError(`the batches of ${fetched.topic}-${fetched.partition} are too large together`);
  return chunk;
}

/**
 * Decodes fetched batches into chunks: records from `position` on, without control records and, under `read_committed`, without those
 * of aborted transactions. A batch cut at the end is left to the next fetch.
 *
 * Batches are decompressed one at a time. A chunk ends with the batch that brings it to `chunkMaxBytes`, so its bytes are bounded.
 */
export class FetchedRecords {
  private readonly filter: AbortFilter | undefined;
  private header: BatchHeader | undefined;
  private nextOffset: number;

  constructor(
    private readonly fetched: FetchedBytes,
    private readonly limits: DecodeLimits,
  ) {
    this.filter = fetched.isolation === 'read_committed' ? new AbortFilter(fetched.aborted) : undefined;
    this.nextOffset = fetched.position;
    this.header = readBatchHeader(fetched.records, 0);
  }

  /** Whether all batches were decoded. */
  get isEmpty(): boolean {
    return this.header === undefined;
  }

  /**
   * The next chunk. It may hold no record and still move the position.
   * @throws BatchTooLargeError for a batch over `batchMaxBytes`; the next call continues after that batch.
   * @throws RangeError for damaged bytes; nothing is read after them.
   */
  next(): RecordChunk {
    const { fetched, limits } = this;
    const { records } = fetched;
    const delivered = new DeliveredBatches(records);
    for (let header = this.header; header !== undefined; header = this.passed(header)) {
      if (header.lastOffset < fetched.position) continue;
      if (!isChecksumValid(records, header)) throw damaged(fetched, header);
      if (this.filter?.hides(records, header)) continue;
      if ((header.attributes & BatchAttribute.control) !== 0 || header.count === 0) continue;
      if ((header.attributes & BatchAttribute.codecMask) === 0) {
        delivered.add(header, undefined);
        continue;
      }
      const bytes = this.unpack(header);
      if (bytes === undefined) {
        // The records before it come first; the next call meets it again.
        if (delivered.capacity > 0) break;
        this.passed(header);
        throw tooLarge(fetched, header, limits.batchMaxBytes);
      }
      delivered.add(header, bytes);
      if (delivered.byteLength < limits.chunkMaxBytes) continue;
      this.passed(header);
      break;
    }
    const bounds: ChunkBounds = {
      nextOffset: this.nextOffset,
      highWatermark: fetched.highWatermark,
      lastStableOffset: fetched.lastStableOffset,
      logStartOffset: fetched.logStartOffset,
    };
    return decodeColumns(fetched, delivered, bounds);
  }

  /** Moves the position past the batch. @returns the header of the one after it. */
  private passed(header: BatchHeader): BatchHeader | undefined {
    if (header.lastOffset >= this.nextOffset) this.nextOffset = header.lastOffset + 1;
    this.header = readBatchHeader(this.fetched.records, header.end);
    return this.header;
  }

  /** @returns undefined for a batch that is too large. */
  private unpack(header: BatchHeader): Buffer | undefined {
    const packed = this.fetched.records.subarray(header.start + BATCH_HEADER_BYTES, header.end);
    try {
      const maxBytes = this.limits.batchMaxBytes - Math.max(0, header.count) * COLUMN_BYTES;
      return decompress(header.attributes & BatchAttribute.codecMask, packed, maxBytes);
    } catch (error) {
      if (error instanceof ExpansionLimitError) return undefined;
      throw error;
    }
  }
}

/** The batches of one chunk: in place in what was fetched or, where one of them was compressed, copied together. */
class DeliveredBatches {
  capacity = 0;
  byteLength = 0;
  private readonly headers: BatchHeader[] = [];
  /** By batch; undefined for one that is not compressed. */
  private readonly outputs: (Buffer | undefined)[] = [];
  private isCompressed = false;

  constructor(private readonly records: Buffer) {}

  add(header: BatchHeader, output: Buffer | undefined): void {
    const length = output?.length ?? header.end - header.start - BATCH_HEADER_BYTES;
    if (header.count < 0 || header.count * MIN_RECORD_BYTES > length)
      throw new RangeError(
        `record batch at offset ${header.baseOffset} is damaged: its ${length} bytes cannot hold ${header.count} records`,
      );
    this.isCompressed ||= output !== undefined;
    this.headers.push(header);
    this.outputs.push(output);
    this.capacity += header.count;
    this.byteLength += length;
    if (this.byteLength > LARGEST_CHUNK_BYTES)
      throw new RangeError(`the records fetched at once take more than ${LARGEST_CHUNK_BYTES} bytes`);
  }

  join(): { buffer: Buffer; batches: DeliveredBatch[] } {
    const { headers, outputs, records } = this;
    if (!this.isCompressed) {
      const batches = headers.map((header) => ({ header, start: header.start + BATCH_HEADER_BYTES }));
      return { buffer: records, batches };
    }
    let start = 0;
    const batches: DeliveredBatch[] = [];
    const parts = headers.map((header, i) => {
      const part = outputs[i] ?? records.subarray(header.start + BATCH_HEADER_BYTES, header.end);
      batches.push({ header, start });
      start += part.length;
      return part;
    });
    return { buffer: parts.length === 1 ? parts[0]! : Buffer.concat(parts, start), batches };
  }
}

/** A batch whose records are delivered, and where they lie in the chunk's buffer. */
interface DeliveredBatch {
  readonly header: BatchHeader;
  readonly start: number;
}

/** Hot path, held by `bench restore`: one pass, typed arrays, no object per record. */
function decodeColumns(fetched: FetchedBytes, delivered: DeliveredBatches, bounds: ChunkBounds): RecordChunk {
  const { capacity } = delivered;
  const { buffer, batches } = delivered.join();
  const offsets = new Float64Array(capacity);
  const timestamps = new Float64Array(capacity);
  const keyStarts = new Int32Array(capacity);
  const keyEnds = new Int32Array(capacity);
  const valueStarts = new Int32Array(capacity);
  const valueEnds = new Int32Array(capacity);
  const headerStarts = new Int32Array(capacity);
  const cursor = new VarintCursor(buffer, 0);
  const position = fetched.position;
  let count = 0;
  for (const { header, start } of batches) {
    const isLogAppendTime = (header.attributes & BatchAttribute.logAppendTime) !== 0;
    cursor.position = start;
    for (let i = 0; i < header.count; i++) {
      const length = cursor.varint();
      const end = cursor.position + length;
      if (length < 0 || end > buffer.length) throw damaged(fetched, header);
      cursor.position++; // attributes of the record: unused by the format
      const timestampDelta = cursor.varlong();
      const offset = header.baseOffset + cursor.varint();
      const keyLength = cursor.varint();
      const keyStart = cursor.position;
      if (keyLength > 0) cursor.position += keyLength;
      const valueLength = cursor.varint();
      const valueStart = cursor.position;
      if (valueLength > 0) cursor.position += valueLength;
      if (offset >= position) {
        offsets[count] = offset;
        timestamps[count] = isLogAppendTime ? header.maxTimestamp : header.baseTimestamp + timestampDelta;
        keyStarts[count] = keyLength < 0 ? -1 : keyStart;
        keyEnds[count] = keyStart + keyLength;
        valueStarts[count] = valueLength < 0 ? -1 : valueStart;
        valueEnds[count] = valueStart + valueLength;
        headerStarts[count] = buffer[cursor.position] === 0 ? -1 : cursor.position;
        count++;
      }
      cursor.position = end;
    }
  }
  return new RecordChunk(
    fetched.topic,
    fetched.partition,
    count,
    buffer,
    offsets,
    timestamps,
    keyStarts,
    keyEnds,
    valueStarts,
    valueEnds,
    headerStarts,
    bounds,
    readHeaders,
  );
}

function readHeaders(buffer: Buffer, start: number): RecordHeader[] {
  const cursor = new VarintCursor(buffer, start);
  const headers: RecordHeader[] = [];
  for (let left = cursor.varint(); left > 0; left--) {
    const nameLength = cursor.varint();
    const name = buffer.toString('utf8', cursor.position, cursor.position + nameLength);
    cursor.position += nameLength;
    const valueLength = cursor.varint();
    const value = valueLength < 0 ? null : buffer.subarray(cursor.position, cursor.position + valueLength);
    if (valueLength > 0) cursor.position += valueLength;
    headers.push({ name, value });
  }
  return headers;
}

/** Tells which batches belong to aborted transactions. Its state lives for one response, as the broker's list does. */
class AbortFilter {
  private readonly pending: AbortedTransaction[];
  private readonly open = new Set<number>();
  private taken = 0;

  constructor(aborted: readonly AbortedTransaction[]) {
    this.pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  hides(records: Buffer, header: BatchHeader): boolean {
    // Several aborted transactions may begin before one batch ends, so this is a loop.
    while (this.taken < this.pending.length && this.pending[this.taken]!.firstOffset <= header.lastOffset) {
      this.open.add(this.pending[this.taken++]!.producerId);
    }
    if ((header.attributes & BatchAttribute.control) !== 0) {
      if (isAbortMarker(records, header)) this.open.delete(header.producerId);
      return true;
    }
    return (header.attributes & BatchAttribute.transactional) !== 0 && this.open.has(header.producerId);
  }
}

/** Whether a control batch ends its transaction with an abort; false for one that compaction has emptied. */
export function isAbortMarker(records: Buffer, header: BatchHeader): boolean {
  if (header.count === 0) return false;
  const cursor = new VarintCursor(records, header.start + BATCH_HEADER_BYTES);
  cursor.varint();
  cursor.position++;
  cursor.varlong();
  cursor.varint();
  const keyLength = cursor.varint();
  return keyLength >= 4 && records.readInt16BE(cursor.position + 2) === 0;
}

function tooLarge(
  { topic, partition, position }: FetchedBytes,
  header: BatchHeader,
  maxBytes: number,
): BatchTooLargeError {
  const { baseOffset, lastOffset, count, maxTimestamp } = header;
  const firstOffset = Math.max(position, baseOffset);
  return new BatchTooLargeError(
    { topic, partition, firstOffset, lastOffset, records: count, timestamp: maxTimestamp },
    maxBytes,
  );
}

function damaged(fetched: FetchedBytes, header: BatchHeader): RangeError {
  return new RangeError(
    `record batch at offset ${header.baseOffset} of ${fetched.topic}-${fetched.partition} is damaged: its bytes do not match its checksum or lengths`,
  );
}
