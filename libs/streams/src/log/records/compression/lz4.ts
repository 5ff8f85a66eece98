import lz4js from 'lz4js';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { checkExpansion } from './expansion-limit.js';

// Kafka refuses frames that do not declare their blocks independent; lz4js cannot say so, hence a header of our own: magic, version 1
// with independent blocks, blocks up to 4 MiB, and the checksum of those two bytes.
const FRAME_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
const MAGIC = 0x184d2204;
const END_MARK = Buffer.alloc(4);
const BLOCK_BYTES = 4 * 1024 * 1024;
const FLAG = { dictionary: 1, contentSize: 8, blockChecksum: 16 } as const;
const IS_PLAIN = 0x8000_0000;
const MIN_MATCH = 4;
/** A length of four bits that further bytes add to. */
const LONG = 15;

/** A block of a frame. Its output starts where that of the block before it ends, and may refer to it. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly isPlain: boolean;
}

/** @throws ExpansionLimitError before anything is allocated. @throws RangeError for a damaged frame. */
export function lz4Decompress(bytes: Buffer, maxBytes: number): Buffer {
  const blocks = blocksOf(bytes);
  let length = 0;
  for (const block of blocks) {
    length += block.isPlain ? block.end - block.start : outputOf(bytes, block, length);
    checkExpansion(length, maxBytes);
  }
  const output = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const { start, end, isPlain } of blocks) {
    if (isPlain) at += bytes.copy(output, at, start, end);
    else at = lz4js.decompressBlock(bytes, output, start, end - start, at);
  }
  return output;
}

export function lz4Compress(bytes: Buffer): Buffer {
  const parts: Buffer[] = [FRAME_HEADER];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    // A frame of its own for each block, so that no block refers to the one before.
    const frame = bufferOf(lz4js.compress(bytes.subarray(at, at + BLOCK_BYTES)));
    parts.push(frame.subarray(FRAME_HEADER.length, frame.length - END_MARK.length));
  }
  parts.push(END_MARK);
  return Buffer.concat(parts);
}

function blocksOf(bytes: Buffer): Block[] {
  if (bytes.length < FRAME_HEADER.length || bytes.readUInt32LE(0) !== MAGIC) throw damaged('it has no frame header');
  const flags = bytes[4]!;
  let at = FRAME_HEADER.length;
  if ((flags & FLAG.contentSize) !== 0) at += 8;
  if ((flags & FLAG.dictionary) !== 0) at += 4;
  const blocks: Block[] = [];
  for (;;) {
    if (at + 4 > bytes.length) throw damaged('it ends without a mark');
    const size = bytes.readUInt32LE(at);
    at += 4;
    if (size === 0) return blocks;
    const end = at + (size & ~IS_PLAIN);
    if (end > bytes.length) throw damaged(`a block of ${end - at} bytes is cut`);
    blocks.push({ start: at, end, isPlain: size >= IS_PLAIN });
    at = (flags & FLAG.blockChecksum) === 0 ? end : end + 4;
  }
}

/** Bytes that a block decompresses to. Reads its lengths only, and checks that no match reaches before the output. */
function outputOf(bytes: Buffer, { start, end }: Block, before: number): number {
  let length = 0;
  let at = start;
  const long = (): number => {
    let sum = 0;
    let byte: number;
    do {
      byte = bytes[at++] ?? 0;
      sum += byte;
    } while (byte === 255);
    return sum;
  };
  while (at < end) {
    const token = bytes[at++]!;
    let literals = token >> 4;
    if (literals === LONG) literals += long();
    at += literals;
    length += literals;
    if (at >= end) break;
    const distance = bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    at += 2;
    if (distance === 0 || distance > before + length) throw damaged('a match reaches before its start');
    let match = token & 15;
    if (match === LONG) match += long();
    length += match + MIN_MATCH;
  }
  if (at > end) throw damaged('a block is longer than its size');
  return length;
}

function damaged(why: string): RangeError {
  return new RangeError(`an lz4 frame is damaged: ${why}`);
}
