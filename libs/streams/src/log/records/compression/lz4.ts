import lz4js from 'lz4js';
import { bufferOf } from '../../../bytes/buffer-of.js';

// Kafka refuses frames that do not declare their blocks independent; lz4js cannot say so, hence a header of our own: magic, version 1
// with independent blocks, blocks up to 4 MiB, and the checksum of those two bytes.
const FRAME_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
const END_MARK = Buffer.alloc(4);
const BLOCK_BYTES = 4 * 1024 * 1024;

export function lz4Decompress(bytes: Buffer): Buffer {
  return bufferOf(lz4js.decompress(bytes));
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
