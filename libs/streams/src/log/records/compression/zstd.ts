import * as zlib from 'node:zlib';
import { Decompress, decompress } from 'fzstd';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { checkExpansion } from './expansion-limit.js';
import { zstdFrames, type ZstdFrame } from './zstd-frames.js';

/** The smallest window that a frame can declare. */
const MIN_WINDOW_LOG = 10;
/** Bytes of a block at most; the decoder gives each block as much, or as much as the window. */
const BLOCK_BYTES = 128 * 1024;
const WINDOW_DESCRIPTOR_AT = 5;

/** Decompresses one frame. @throws ExpansionLimitError, or zlib's ERR_BUFFER_TOO_LARGE, as soon as its output passes `maxBytes`. */
export type FrameDecoder = (packed: Buffer, frame: ZstdFrame, maxBytes: number) => Uint8Array;

interface NativeZstd {
  zstdDecompressSync?(bytes: Buffer, options: { maxOutputLength: number }): Buffer;
}

const native = (zlib as NativeZstd).zstdDecompressSync;

/** Built in since Node 22.15; Node 20 has to read zstd in JavaScript. */
const decodeFrame: FrameDecoder =
  native === undefined
    ? decodeInJavaScript
    : (packed, _frame, maxBytes) => native(packed, { maxOutputLength: Math.max(1, maxBytes) });

/** @throws ExpansionLimitError, or zlib's ERR_BUFFER_TOO_LARGE, before or as soon as the output passes `maxBytes`. */
export function zstdDecompress(bytes: Buffer, maxBytes: number, decode: FrameDecoder = decodeFrame): Buffer {
  const frames = zstdFrames(bytes);
  let declared = 0;
  for (const { contentBytes = 0 } of frames) {
    declared += contentBytes;
    checkExpansion(declared, maxBytes);
  }
  let length = 0;
  const parts = frames.map((frame) => {
    const left = maxBytes - length;
    const part = decode(withoutSpareWindow(bytes.subarray(frame.start, frame.end), frame, left), frame, left);
    length += part.length;
    checkExpansion(length, maxBytes);
    return part;
  });
  return parts.length === 1 ? bufferOf(parts[0]!) : Buffer.concat(parts, length);
}

export function decodeInJavaScript(packed: Buffer, { contentBytes }: ZstdFrame, maxBytes: number): Uint8Array {
  if (contentBytes !== undefined) return decompress(packed, Buffer.alloc(contentBytes));
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((part) => {
    length += part.length;
    checkExpansion(length, maxBytes);
    parts.push(part);
  });
  stream.push(packed, true);
  return Buffer.concat(parts, length);
}

/** Decoders allocate the window that a frame declares, and fzstd moves all of it for each block. The output cannot fill more than this. */
function withoutSpareWindow(packed: Buffer, frame: ZstdFrame, maxBytes: number): Buffer {
  const needed = Math.max(BLOCK_BYTES, Math.min(frame.contentBound, maxBytes));
  const windowLog = Math.max(MIN_WINDOW_LOG, Math.ceil(Math.log2(needed)));
  if (frame.windowBytes === undefined || frame.windowBytes <= 2 ** windowLog) return packed;
  const copy = Buffer.from(packed);
  copy[WINDOW_DESCRIPTOR_AT] = (windowLog - MIN_WINDOW_LOG) << 3;
  return copy;
}
