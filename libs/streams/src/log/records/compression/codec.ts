import * as zlib from 'node:zlib';
import { decompress as zstdDecompress } from 'fzstd';
import type { CompressionCodec } from '../../log-producer.js';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { lz4Compress, lz4Decompress } from './lz4.js';
import { snappyCompress, snappyDecompress } from './snappy.js';

const codecNumbers = { none: 0, gzip: 1, snappy: 2, lz4: 3 } as const satisfies Record<CompressionCodec, number>;
const ZSTD = 4;

/** The codec's number in a batch's attributes. */
export function codecNumber(codec: CompressionCodec): number {
  return codecNumbers[codec];
}

export function compress(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer): Buffer {
  switch (codec) {
    case 'gzip':
      return zlib.gzipSync(bytes, { level: 1 });
    case 'snappy':
      return snappyCompress(bytes);
    case 'lz4':
      return lz4Compress(bytes);
  }
}

/** Reads every codec that brokers store, zstd included. @throws RangeError for a number that the protocol does not define. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case codecNumbers.gzip:
      return zlib.gunzipSync(bytes);
    case codecNumbers.snappy:
      return snappyDecompress(bytes);
    case codecNumbers.lz4:
      return lz4Decompress(bytes);
    case ZSTD:
      return unzstd(bytes);
    default:
      throw new RangeError(`compression codec ${codec} is not known`);
  }
}

function unzstd(bytes: Buffer): Buffer {
  // Built in since Node 22.15; Node 20 has to read it in JavaScript.
  const native = (zlib as { zstdDecompressSync?: (bytes: Buffer) => Buffer }).zstdDecompressSync;
  return native === undefined ? bufferOf(zstdDecompress(bytes)) : native(bytes);
}
