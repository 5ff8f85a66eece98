import type { CompressionCodec } from '../log-producer.js';
import { BATCH_HEADER_BYTES, BatchAttribute, CHECKSUM_START } from './batch-header.js';
import { codecNumber, compress } from './compression/codec.js';
import { crc32c } from '../../bytes/crc32c.js';
import { writeInt64 } from '../../bytes/int64.js';
import type { RecordHeader } from './record-header.js';
import { varintLength, varlongLength, writeVarint, writeVarlong } from './varint.js';

/** Identity and attributes of a finished batch; absent producer fields mean a batch without idempotence. */
export interface BatchStamp {
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  readonly compression?: CompressionCodec;
  /** For a compacted batch, which keeps its last offset after its last record is gone. */
  readonly lastOffsetDelta?: number;
}

// Deltas in this range zigzag into 32 bits.
const SMALL_DELTA = 0x4000_0000;
// Below this length a byte loop beats the native copy's call.
const SHORT_COPY = 24;

/**
 * Writes one record batch (format v2) into a growing buffer.
 *
 * Hot path, held by `bench process`: one call per record, no allocation besides the growing buffer.
 */
export class BatchBuilder {
  private buffer: Buffer;
  private end = BATCH_HEADER_BYTES;
  private records = 0;
  private lastDelta = -1;
  private baseTimestamp = 0;
  private maxTimestamp = -1;

  constructor(
    private readonly maxBytes: number,
    initialBytes = 1024,
  ) {
    this.buffer = Buffer.allocUnsafe(Math.max(BATCH_HEADER_BYTES, Math.min(initialBytes, maxBytes)));
  }

  get count(): number {
    return this.records;
  }

  /** Bytes so far, header included, before compression. */
  get byteLength(): number {
    return this.end;
  }

  /**
   * Copies one record into the batch. `offsetDelta` is for compaction, which leaves holes.
   * @returns false, with nothing written, if the record does not fit; the first record always fits.
   */
  append(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers?: readonly RecordHeader[],
    offsetDelta = this.records,
  ): boolean {
    if (this.records === 0) this.baseTimestamp = timestampMs;
    const timestampDelta = timestampMs - this.baseTimestamp;
    const isSmall = timestampDelta >= -SMALL_DELTA && timestampDelta < SMALL_DELTA;
    const keyLength = key === null ? -1 : key.length;
    const valueLength = value === null ? -1 : value.length;
    const headerCount = headers === undefined ? 0 : headers.length;
    const body =
      1 +
      (isSmall ? varintLength(timestampDelta) : varlongLength(timestampDelta)) +
      varintLength(offsetDelta) +
      varintLength(keyLength) +
      (keyLength > 0 ? keyLength : 0) +
      varintLength(valueLength) +
      (valueLength > 0 ? valueLength : 0) +
      varintLength(headerCount) +
      (headerCount > 0 ? headersLength(headers!) : 0);
    const total = varintLength(body) + body;
    if (this.records > 0 && this.end + total > this.maxBytes) return false;
    if (this.end + total > this.buffer.length) this.grow(this.end + total);

    const buffer = this.buffer;
    let at = writeVarint(buffer, this.end, body);
    buffer[at++] = 0;
    at = isSmall ? writeVarint(buffer, at, timestampDelta) : writeVarlong(buffer, at, timestampDelta);
    at = writeVarint(buffer, at, offsetDelta);
    at = writeVarint(buffer, at, keyLength);
    if (keyLength > 0) at = copyBytes(key!, buffer, at);
    at = writeVarint(buffer, at, valueLength);
    if (valueLength > 0) at = copyBytes(value!, buffer, at);
    at = writeVarint(buffer, at, headerCount);
    if (headerCount > 0) at = writeHeaders(buffer, at, headers!);
    this.end = at;
    this.records++;
    this.lastDelta = offsetDelta;
    if (timestampMs > this.maxTimestamp) this.maxTimestamp = timestampMs;
    return true;
  }

  /** Completes the header and hands the bytes over; the builder is not used afterwards. The same bytes serve every retry. */
  finish(stamp: BatchStamp = {}): Buffer {
    const codec = stamp.compression ?? 'none';
    let bytes = this.buffer.subarray(0, this.end);
    if (codec !== 'none') {
      bytes = Buffer.concat([
        bytes.subarray(0, BATCH_HEADER_BYTES),
        compress(codec, bytes.subarray(BATCH_HEADER_BYTES)),
      ]);
    }
    const attributes =
      codecNumber(codec) |
      (stamp.isTransactional ? BatchAttribute.transactional : 0) |
      (stamp.isControl ? BatchAttribute.control : 0);
    writeInt64(bytes, 0, 0);
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt32BE(-1, 12);
    bytes[16] = 2;
    bytes.writeInt16BE(attributes, 21);
    bytes.writeInt32BE(stamp.lastOffsetDelta ?? this.lastDelta, 23);
    writeInt64(bytes, this.baseTimestamp, 27);
    writeInt64(bytes, this.maxTimestamp, 35);
    writeInt64(bytes, stamp.producerId ?? -1, 43);
    bytes.writeInt16BE(stamp.producerEpoch ?? -1, 51);
    bytes.writeInt32BE(stamp.baseSequence ?? -1, 53);
    bytes.writeInt32BE(this.records, 57);
    bytes.writeUInt32BE(crc32c(bytes, CHECKSUM_START), 17);
    return bytes;
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(Math.min(this.buffer.length * 2, this.maxBytes), needed));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

/** The batch with which a coordinator ends a transaction in a partition. */
export function encodeControlBatch(
  kind: 'abort' | 'commit',
  producerId: number,
  producerEpoch: number,
  timestampMs: number,
): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]);
  // Version 0 and a coordinator epoch of 0.
  const value = Buffer.alloc(6);
  const batch = new BatchBuilder(128, 128);
  batch.append(key, value, timestampMs);
  return batch.finish({ producerId, producerEpoch, isTransactional: true, isControl: true });
}

function copyBytes(source: Uint8Array, target: Buffer, at: number): number {
  const length = source.length;
  if (length < SHORT_COPY) for (let i = 0; i < length; i++) target[at + i] = source[i]!;
  else target.set(source, at);
  return at + length;
}

function headersLength(headers: readonly RecordHeader[]): number {
  let length = 0;
  for (const { name, value } of headers) {
    const nameLength = Buffer.byteLength(name);
    length += varintLength(nameLength) + nameLength + (value === null ? 1 : varintLength(value.length) + value.length);
  }
  return length;
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly RecordHeader[]): number {
  let at = start;
  for (const { name, value } of headers) {
    at = writeVarint(buffer, at, Buffer.byteLength(name));
    at += buffer.write(name, at, 'utf8');
    at = writeVarint(buffer, at, value === null ? -1 : value.length);
    if (value !== null && value.length > 0) at = copyBytes(value, buffer, at);
  }
  return at;
}
