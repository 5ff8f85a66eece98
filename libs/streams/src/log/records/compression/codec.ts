import * as zlib from 'node:zlib';
import type { CompressionCodec } from '../../log-producer.js';
import { checkExpansion, ExpansionLimitError } from './expansion-limit.js';
import { lz4Compress, lz4Decompress } from './lz4.js';
import { snappyCompress, snappyDecompress } from './snappy.js';
import { zstdDecompress } from './zstd.js';

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

/**
 * Reads every codec that brokers store, zstd included.
 * @throws ExpansionLimitError for more than `maxBytes` of output. No codec allocates much more than that to find out.
 * @throws RangeError for a number that the protocol does not define; what the codec throws for damaged bytes.
 */
export function decompress(codec: number, bytes: Buffer, maxBytes: number): Buffer {
  checkExpansion(1, maxBytes);
  switch (codec) {
    case codecNumbers.gzip:
      return withinLimit(maxBytes, () => zlib.gunzipSync(bytes, { maxOutputLength: maxBytes }));
    case codecNumbers.snappy:
      return snappyDecompress(bytes, maxBytes);
    case codecNumbers.lz4:
      return lz4Decompress(bytes, maxBytes);
    case ZSTD:
      return withinLimit(maxBytes, () => zstdDecompress(bytes, maxBytes));
    default:
      throw new RangeError(`compression codec ${codec} is not known`);
  }
}

/** Names the error by which zlib says that its output is over `maxOutputLength`. */
function withinLimit(maxBytes: number, decompressed: () => Buffer): Buffer {
  try {
    return decompressed();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    throw new ExpansionLimitError(maxBytes);
  }
}
