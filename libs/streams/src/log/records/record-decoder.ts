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
import { RecordChunk, type ChunkBounds } from './record-chunk.js';
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

/** A batch whose records are delivered, and where they lie in the chunk's buffer. */
interface DeliveredBatch {
  readonly header: BatchHeader;
  readonly start: number;
}

/**
 * Decodes fetched batches into a chunk: records from `position` on, without control records and, under `read_committed`, without those
 * of aborted transactions. A batch cut at the end is left to the next fetch.
 * @throws RangeError for damaged bytes.
 */
export function decodeRecords(fetched: FetchedBytes): RecordChunk {
  const { records, position } = fetched;
  const filter = fetched.isolation === 'read_committed' ? new AbortFilter(fetched.aborted) : undefined;
  const delivered: BatchHeader[] = [];
  let nextOffset = position;
  let capacity = 0;
  let isCompressed = false;
  for (let header = readBatchHeader(records, 0); header; header = readBatchHeader(records, header.end)) {
    if (header.lastOffset < position) continue;
    nextOffset = header.lastOffset + 1;
    if (!isChecksumValid(records, header)) throw damaged(fetched, header);
    if (filter?.hides(records, header)) continue;
    if ((header.attributes & BatchAttribute.control) !== 0 || header.count === 0) continue;
    delivered.push(header);
    capacity += header.count;
    isCompressed ||= (header.attributes & BatchAttribute.codecMask) !== 0;
  }
  const { buffer, batches } = isCompressed ? unpack(records, delivered) : inPlace(records, delivered);
  const bounds: ChunkBounds = {
    nextOffset,
    highWatermark: fetched.highWatermark,
    lastStableOffset: fetched.lastStableOffset,
    logStartOffset: fetched.logStartOffset,
  };
  return decodeColumns(fetched, buffer, batches, capacity, bounds);
}

function inPlace(buffer: Buffer, headers: readonly BatchHeader[]): { buffer: Buffer; batches: DeliveredBatch[] } {
  return { buffer, batches: headers.map((header) => ({ header, start: header.start + BATCH_HEADER_BYTES })) };
}

function unpack(records: Buffer, headers: readonly BatchHeader[]): { buffer: Buffer; batches: DeliveredBatch[] } {
  const parts: Buffer[] = [];
  const batches: DeliveredBatch[] = [];
  let start = 0;
  for (const header of headers) {
    const packed = records.subarray(header.start + BATCH_HEADER_BYTES, header.end);
    const codec = header.attributes & BatchAttribute.codecMask;
    const bytes = codec === 0 ? packed : decompress(codec, packed);
    parts.push(bytes);
    batches.push({ header, start });
    start += bytes.length;
  }
  return { buffer: parts.length === 1 ? parts[0]! : Buffer.concat(parts), batches };
}

/** Hot path, held by `bench restore`: one pass, typed arrays, no object per record. */
function decodeColumns(
  fetched: FetchedBytes,
  buffer: Buffer,
  batches: readonly DeliveredBatch[],
  capacity: number,
  bounds: ChunkBounds,
): RecordChunk {
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

function damaged(fetched: FetchedBytes, header: BatchHeader): RangeError {
  return new RangeError(
    `record batch at offset ${header.baseOffset} of ${fetched.topic}-${fetched.partition} is damaged: its bytes do not match its checksum or lengths`,
  );
}
