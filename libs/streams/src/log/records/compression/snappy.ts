import snappyjs from 'snappyjs';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { checkExpansion } from './expansion-limit.js';

// Java frames its blocks (xerial): this magic, two int32 versions, then int32 length and block, repeated. Others write one bare block.
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
const XERIAL_BLOCK_BYTES = 32 * 1024;

/** @throws ExpansionLimitError before anything is allocated: each block begins with the length of its output. */
export function snappyDecompress(bytes: Buffer, maxBytes: number): Buffer {
  const blocks = blocksOf(bytes);
  let length = 0;
  for (const block of blocks) {
    length += outputOf(block);
    checkExpansion(length, maxBytes);
  }
  const outputs = blocks.map((block) => bufferOf(snappyjs.uncompress(block, maxBytes)));
  return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs, length);
}

export function snappyCompress(bytes: Buffer): Buffer {
  const header = Buffer.alloc(XERIAL_HEADER_BYTES);
  XERIAL_MAGIC.copy(header);
  header.writeInt32BE(1, 8);
  header.writeInt32BE(1, 12);
  const parts: Buffer[] = [header];
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const block = bufferOf(snappyjs.compress(bytes.subarray(at, at + XERIAL_BLOCK_BYTES)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function blocksOf(bytes: Buffer): Buffer[] {
  if (bytes.length < XERIAL_HEADER_BYTES || !bytes.subarray(0, 8).equals(XERIAL_MAGIC)) return [bytes];
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const start = at + 4;
    const end = start > bytes.length ? start : start + bytes.readInt32BE(at);
    // A length below 1 would read the same block for ever.
    if (end <= start || end > bytes.length) throw damaged('a block is cut');
    blocks.push(bytes.subarray(start, end));
    at = end;
  }
  return blocks;
}

/** The varint at the start of a block. */
function outputOf(block: Buffer): number {
  let length = 0;
  let weight = 1;
  for (let at = 0; at < 5; at++, weight *= 128) {
    const byte = block[at];
    if (byte === undefined) break;
    length += (byte & 127) * weight;
    if (byte < 128) return length;
  }
  throw damaged('a block has no length');
}

function damaged(why: string): RangeError {
  return new RangeError(`snappy bytes are damaged: ${why}`);
}
