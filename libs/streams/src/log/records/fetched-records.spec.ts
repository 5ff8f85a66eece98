import { describe, expect, it } from 'vitest';
import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { crc32c } from '../../bytes/crc32c.js';
import type { CompressionCodec } from '../log-producer.js';
import { BatchBuilder, encodeControlBatch, type BatchStamp } from './batch-builder.js';
import { assignBaseOffset } from './batch-header.js';
import { COLUMN_BYTES, type RecordChunk } from './record-chunk.js';
import { FetchedRecords, LARGEST_BATCH_BYTES, type DecodeLimits, type FetchedBytes } from './record-decoder.js';

const KIB = 1024;
const VALUE_BYTES = 10 * KIB;
const codecs: readonly Exclude<CompressionCodec, 'none'>[] = ['gzip', 'snappy', 'lz4'];

/** Ten records of zeros, about 100 KiB when decompressed. */
function batchOf(baseOffset: number, stamp: BatchStamp, valueBytes = VALUE_BYTES): Buffer {
  const builder = new BatchBuilder(1 << 30);
  for (let i = 0; i < 10; i++) builder.append(Buffer.from(`k${baseOffset + i}`), Buffer.alloc(valueBytes), 7);
  const bytes = builder.finish(stamp);
  assignBaseOffset(bytes, 0, baseOffset);
  return bytes;
}

function fetchOf(records: Buffer, limits: DecodeLimits, options: Partial<FetchedBytes> = {}): FetchedRecords {
  const place = {
    topic: 'in',
    partition: 3,
    position: 0,
    highWatermark: 999,
    lastStableOffset: 999,
    logStartOffset: 0,
  };
  return new FetchedRecords({ ...place, isolation: 'read_committed', records, aborted: [], ...options }, limits);
}

function resultsOf(fetched: FetchedRecords): (RecordChunk | BatchTooLargeError)[] {
  const results: (RecordChunk | BatchTooLargeError)[] = [];
  while (!fetched.isEmpty) {
    try {
      results.push(fetched.next());
    } catch (error) {
      if (!(error instanceof BatchTooLargeError)) throw error;
      results.push(error);
    }
  }
  return results;
}

const keysOf = (chunk: RecordChunk): string[] => Array.from({ length: chunk.count }, (_, i) => String(chunk.key(i)));
const keys = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `k${from + i}`);
const limits: DecodeLimits = { chunkMaxBytes: 256 * KIB, batchMaxBytes: 200 * KIB };

describe('compressed batches of one fetch', () => {
  it.each(codecs)('come in chunks of a bounded size, whatever they expand to (%s)', (compression) => {
    const records = Buffer.concat(Array.from({ length: 20 }, (_, i) => batchOf(i * 10, { compression })));
    expect(records.length).toBeLessThan(limits.chunkMaxBytes);
    const chunks = resultsOf(fetchOf(records, limits)) as RecordChunk[];
    expect(chunks.flatMap(keysOf)).toEqual(keys(0, 200));
    expect(chunks.every((chunk) => chunk.value(0)?.length === VALUE_BYTES)).toBe(true);
    expect(chunks.map(({ bounds }) => bounds.nextOffset)).toEqual([30, 60, 90, 120, 150, 180, 200]);
    for (const chunk of chunks) expect(chunk.byteLength).toBeLessThan(limits.chunkMaxBytes + 101 * KIB);
  });

  it('are read beyond 2 GiB of all of them together', () => {
    const valueBytes = 12 * KIB * KIB;
    const batch = batchOf(0, { compression: 'gzip' }, valueBytes);
    const batches = Array.from({ length: 18 }, (_, i) => {
      const copy = Buffer.from(batch);
      assignBaseOffset(copy, 0, i * 10);
      return copy;
    });
    const fetched = fetchOf(Buffer.concat(batches), { chunkMaxBytes: 256 * KIB, batchMaxBytes: LARGEST_BATCH_BYTES });
    let offset = 0;
    let bytes = 0;
    while (!fetched.isEmpty) {
      const chunk = fetched.next();
      for (let i = 0; i < chunk.count; i++) {
        expect(chunk.offsets[i]).toBe(offset);
        expect([String(chunk.key(i)), chunk.value(i)?.length]).toEqual([`k${offset++ % 10}`, valueBytes]);
        bytes += valueBytes;
      }
    }
    expect(bytes).toBeGreaterThan(2 ** 31);
  }, 60_000);

  it.each(codecs)('that are too large are errors in their place (%s)', (compression) => {
    const large = batchOf(20, { compression }, 30 * KIB);
    const parts = [batchOf(0, { compression }), batchOf(10, {}), large, batchOf(30, { compression })];
    const [before, error, after, ...rest] = resultsOf(fetchOf(Buffer.concat(parts), limits));
    expect(rest).toEqual([]);
    expect(keysOf(before as RecordChunk)).toEqual(keys(0, 20));
    expect((before as RecordChunk).bounds.nextOffset).toBe(20);
    expect(error).toMatchObject({
      name: 'LogError',
      code: 'LOG_BATCH_TOO_LARGE',
      topic: 'in',
      partition: 3,
      firstOffset: 20,
      lastOffset: 29,
      records: 10,
      timestamp: 7,
    });
    expect((error as Error).message).toContain('offsets 20 to 29 of "in" partition 3 takes more than 204800 bytes');
    expect((error as Error).message).toContain('memory.batchMaxBytes');
    expect(keysOf(after as RecordChunk)).toEqual(keys(30, 40));
  });

  it('that are too large are named from the position on, and passed at the end of a fetch', () => {
    const fetched = fetchOf(batchOf(20, { compression: 'gzip' }, 30 * KIB), limits, { position: 25 });
    expect(resultsOf(fetched)).toMatchObject([{ firstOffset: 25, lastOffset: 29 }]);
  });

  it('pass at exactly the limit, the columns of their records included', () => {
    const batch = batchOf(0, { compression: 'lz4' });
    const bytes = batchOf(0, {}).length - 61 + 10 * COLUMN_BYTES;
    const results = (batchMaxBytes: number): unknown[] => resultsOf(fetchOf(batch, { ...limits, batchMaxBytes }));
    expect(results(bytes)).toMatchObject([{ count: 10, heldBytes: bytes }]);
    expect(results(bytes - 1)).toMatchObject([{ code: 'LOG_BATCH_TOO_LARGE' }]);
  });

  it('of aborted transactions are not decompressed', () => {
    const stamp: BatchStamp = {
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
      compression: 'gzip',
    };
    const marker = encodeControlBatch('abort', 1, 0, 1);
    assignBaseOffset(marker, 0, 10);
    const records = Buffer.concat([batchOf(0, stamp, 30 * KIB), marker]);
    const aborted = [{ producerId: 1, firstOffset: 0 }];
    expect(resultsOf(fetchOf(records, limits, { aborted }))).toMatchObject([{ count: 0, bounds: { nextOffset: 11 } }]);
  });

  it.each([2 ** 31 - 1, -1])('cannot have columns allocated for %d records that they do not hold', (count) => {
    for (const compression of ['none', 'lz4'] as const) {
      const batch = batchOf(0, { compression });
      batch.writeInt32BE(count, 57);
      batch.writeUInt32BE(crc32c(batch, 21), 17);
      const fetched = fetchOf(batch, { ...limits, batchMaxBytes: Infinity });
      expect(() => fetched.next()).toThrow(`cannot hold ${count} records`);
    }
  });
});
