import snappyjs from 'snappyjs';
import { bufferOf } from '../../../bytes/buffer-of.js';

// Java frames its blocks (xerial): this magic, two int32 versions, then int32 length and block, repeated. Others write one bare block.
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
const XERIAL_BLOCK_BYTES = 32 * 1024;

export function snappyDecompress(bytes: Buffer): Buffer {
  if (bytes.length < XERIAL_HEADER_BYTES || !bytes.subarray(0, 8).equals(XERIAL_MAGIC)) {
    return bufferOf(snappyjs.uncompress(bytes));
  }
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = bytes.readInt32BE(at);
    blocks.push(bufferOf(snappyjs.uncompress(bytes.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks);
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
