import { crc32c } from '../../bytes/crc32c.js';
import { readInt64, writeInt64 } from '../../bytes/int64.js';

/** Bytes of a v2 batch before its first record. */
export const BATCH_HEADER_BYTES = 61;
/** Where the bytes begin that the checksum covers; the base offset and the leader epoch lie before it, so a broker may assign both. */
export const CHECKSUM_START = 21;

export const BatchAttribute = { codecMask: 7, logAppendTime: 8, transactional: 16, control: 32 } as const;

/** The header of one record batch (format v2) at `start` of a buffer that holds it whole. */
export interface BatchHeader {
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly checksum: number;
  readonly attributes: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly count: number;
}

/** The header of the batch at `start`, or undefined where the buffer ends or the batch is cut. @throws RangeError for a format older than v2. */
export function readBatchHeader(buffer: Buffer, start: number): BatchHeader | undefined {
  if (start + BATCH_HEADER_BYTES > buffer.length) return undefined;
  const end = start + 12 + buffer.readInt32BE(start + 8);
  if (end > buffer.length) return undefined;
  const magic = buffer[start + 16];
  if (magic !== 2) throw new RangeError(`record batch format ${magic} is not supported; only v2 is`);
  if (end < start + BATCH_HEADER_BYTES)
    throw new RangeError(`record batch of ${end - start} bytes is shorter than its header`);
  const baseOffset = readInt64(buffer, start);
  return {
    start,
    end,
    baseOffset,
    lastOffset: baseOffset + buffer.readInt32BE(start + 23),
    checksum: buffer.readUInt32BE(start + 17),
    attributes: buffer.readInt16BE(start + 21),
    baseTimestamp: readInt64(buffer, start + 27),
    maxTimestamp: readInt64(buffer, start + 35),
    producerId: readInt64(buffer, start + 43),
    producerEpoch: buffer.readInt16BE(start + 51),
    baseSequence: buffer.readInt32BE(start + 53),
    count: buffer.readInt32BE(start + 57),
  };
}

export function isChecksumValid(buffer: Buffer, header: BatchHeader): boolean {
  return crc32c(buffer, header.start + CHECKSUM_START, header.end) === header.checksum;
}

/** Assigns the offset of the first record, in place; the checksum stays valid. */
export function assignBaseOffset(buffer: Buffer, start: number, baseOffset: number): void {
  writeInt64(buffer, baseOffset, start);
}

/** The position to read from after all whole batches of `records`, whatever they hold. Reads headers only. */
export function nextOffsetAfter(records: Buffer, position: number): number {
  let next = position;
  for (let header = readBatchHeader(records, 0); header; header = readBatchHeader(records, header.end)) {
    if (header.lastOffset >= next) next = header.lastOffset + 1;
  }
  return next;
}
