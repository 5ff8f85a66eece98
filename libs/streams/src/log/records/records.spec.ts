import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompressionCodec } from '../log-producer.js';
import type { AbortedTransaction } from '../protocol/messages.js';
import { BatchBuilder, encodeControlBatch, type BatchStamp } from './batch-builder.js';
import { assignBaseOffset, nextOffsetAfter, readBatchHeader } from './batch-header.js';
import { crc32c } from '../../bytes/crc32c.js';
import type { RecordChunk } from './record-chunk.js';
import type { RecordHeader } from './record-header.js';
import { decodeRecords, type FetchedBytes } from './record-decoder.js';

interface PlainRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  timestampMs: number;
  headers: RecordHeader[];
}

const record = (value: string, key: Uint8Array | null = null): PlainRecord => ({
  key,
  value: Buffer.from(value),
  timestampMs: 1,
  headers: [],
});

function batchOf(records: readonly PlainRecord[], baseOffset = 0, stamp: BatchStamp = {}): Buffer {
  const builder = new BatchBuilder(64 << 20);
  for (const { key, value, timestampMs, headers } of records) builder.append(key, value, timestampMs, headers);
  const bytes = builder.finish(stamp);
  assignBaseOffset(bytes, 0, baseOffset);
  return bytes;
}

function markerOf(kind: 'abort' | 'commit', producerId: number, baseOffset: number): Buffer {
  const bytes = encodeControlBatch(kind, producerId, 0, 1);
  assignBaseOffset(bytes, 0, baseOffset);
  return bytes;
}

function decode(records: Buffer, options: Partial<FetchedBytes> = {}): RecordChunk {
  return decodeRecords({
    topic: 't',
    partition: 0,
    position: 0,
    isolation: 'read_committed',
    records,
    aborted: [],
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    ...options,
  });
}

const values = (chunk: RecordChunk): (string | null)[] =>
  Array.from({ length: chunk.count }, (_, i) => chunk.value(i)?.toString() ?? null);

function plain(chunk: RecordChunk): PlainRecord[] {
  return Array.from({ length: chunk.count }, (_, i) => ({
    key: copy(chunk.key(i)),
    value: copy(chunk.value(i)),
    timestampMs: chunk.timestamps[i]!,
    headers: chunk.headers(i).map(({ name, value }) => ({ name, value: copy(value) })),
  }));
}

const copy = (bytes: Uint8Array | null): Uint8Array | null => (bytes === null ? null : Uint8Array.from(bytes));

const anyBytes = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const anyRecord: fc.Arbitrary<PlainRecord> = fc.record({
  key: anyBytes,
  value: anyBytes,
  timestampMs: fc.integer({ min: 0, max: 2 ** 45 }),
  headers: fc.array(fc.record({ name: fc.string({ maxLength: 40, unit: 'grapheme' }), value: anyBytes }), {
    maxLength: 4,
  }),
});

describe('crc32c', () => {
  it('answers the published check values', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 255))).toBe(0x62a8ab43);
  });

  it('is the remainder of the polynomial division, bit by bit, whatever the length and the place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(8), fc.nat(8), (bytes, from, after) => {
        const around = Buffer.concat([Buffer.alloc(from, 7), bytes, Buffer.alloc(after, 9)]);
        expect(crc32c(around, from, from + bytes.length)).toBe(remainderOf(bytes));
      }),
    );
  });
});

function remainderOf(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  }
  return ~c >>> 0;
}

describe('record batches', () => {
  it.each<CompressionCodec>(['none', 'gzip', 'snappy', 'lz4'])(
    'read back what was written, with codec %s',
    (compression) => {
      fc.assert(
        fc.property(fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), { maxLength: 4 }), (batches) => {
          let offset = 0;
          const bytes = batches.map((records) => {
            const batch = batchOf(records, offset, { compression });
            offset += records.length;
            return batch;
          });
          const chunk = decode(Buffer.concat(bytes));
          expect(plain(chunk)).toEqual(batches.flat());
          expect([...chunk.offsets]).toEqual(batches.flat().map((_, i) => i));
          expect(chunk.bounds.nextOffset).toBe(offset);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('keep null apart from empty, in keys, values and headers', () => {
    const records: PlainRecord[] = [
      {
        key: null,
        value: null,
        timestampMs: 5,
        headers: [
          { name: 'h', value: null },
          { name: 'h', value: new Uint8Array() },
        ],
      },
      {
        key: new Uint8Array(),
        value: new Uint8Array(),
        timestampMs: 5,
        headers: [{ name: '', value: Uint8Array.of(1) }],
      },
    ];
    expect(plain(decode(batchOf(records)))).toEqual(records);
  });

  it('carry timestamp deltas that are negative and wider than 31 bits', () => {
    const timestamps = [
      1_700_000_000_000,
      5,
      1_700_000_000_000 + 2 ** 40,
      1_699_999_999_999,
      1_700_000_000_000 - 2 ** 30 - 1,
    ];
    const chunk = decode(batchOf(timestamps.map((timestampMs) => ({ ...record('v'), timestampMs }))));
    expect([...chunk.timestamps]).toEqual(timestamps);
  });

  it('may hold 200,000 records', () => {
    const builder = new BatchBuilder(64 << 20);
    for (let i = 0; i < 200_000; i++) builder.append(null, Buffer.from(String(i)), i);
    const chunk = decode(builder.finish());
    expect(chunk.count).toBe(200_000);
    expect(chunk.value(199_999)!.toString()).toBe('199999');
    expect(chunk.offsets[199_999]).toBe(199_999);
  });

  it('refuse the record that would pass the limit, but never the first', () => {
    const builder = new BatchBuilder(100);
    expect(builder.append(null, Buffer.alloc(500), 0)).toBe(true);
    expect(builder.append(null, Buffer.alloc(1), 0)).toBe(false);
    expect(builder.count).toBe(1);
    const exact = new BatchBuilder(61 + 10 + 10);
    expect(exact.append(null, Buffer.alloc(3), 0)).toBe(true);
    expect(exact.append(null, Buffer.alloc(3), 0)).toBe(true);
    expect(exact.append(null, Buffer.alloc(3), 0)).toBe(false);
    expect(exact.byteLength).toBe(81);
  });

  it('are refused when a byte has changed', () => {
    const bytes = batchOf([record('hello')]);
    bytes[bytes.length - 2]! ^= 1;
    expect(() => decode(bytes)).toThrow(/offset 0 of t-0 is damaged/);
  });

  it('keep their checksum when the broker assigns the offset', () => {
    const bytes = batchOf([record('a'), record('b')], 0, {
      producerId: 7,
      producerEpoch: 3,
      baseSequence: 9,
      isTransactional: true,
    });
    assignBaseOffset(bytes, 0, 2 ** 40 + 5);
    expect(readBatchHeader(bytes, 0)).toMatchObject({
      baseOffset: 2 ** 40 + 5,
      lastOffset: 2 ** 40 + 6,
      producerId: 7,
      producerEpoch: 3,
      baseSequence: 9,
      count: 2,
    });
    expect(values(decode(bytes))).toEqual(['a', 'b']);
  });

  it('are read in bare snappy blocks and in zstd as well', () => {
    const plainBatch = batchOf([record('one'), record('two')]);
    const packed = (codec: number, payload: Uint8Array): Buffer => {
      const bytes = Buffer.concat([plainBatch.subarray(0, 61), payload]);
      bytes.writeInt32BE(bytes.length - 12, 8);
      bytes.writeInt16BE(codec, 21);
      bytes.writeUInt32BE(crc32c(bytes, 21), 17);
      return bytes;
    };
    const body = plainBatch.subarray(61);
    const bareSnappy = Buffer.concat([Buffer.from([body.length, (body.length - 1) << 2]), body]);
    // A zstd frame of one raw block.
    const zstd = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, body.length, (body.length << 3) | 1, 0, 0]),
      body,
    ]);
    expect(values(decode(packed(2, bareSnappy)))).toEqual(['one', 'two']);
    expect(values(decode(packed(4, zstd)))).toEqual(['one', 'two']);
    expect(values(decode(packed(1, zlib.gzipSync(body))))).toEqual(['one', 'two']);
  });
});

describe('a fetched partition', () => {
  it('leaves a cut batch to the next fetch', () => {
    const whole = batchOf([record('a')]);
    const cut = batchOf([record('b')], 1);
    for (let length = 0; length < cut.length; length++) {
      const chunk = decode(Buffer.concat([whole, cut.subarray(0, length)]));
      expect(values(chunk)).toEqual(['a']);
      expect(chunk.bounds.nextOffset).toBe(1);
    }
  });

  it('skips records before the position when the broker answers from an older batch', () => {
    const bytes = Buffer.concat([batchOf([record('old')], 4), batchOf([record('a'), record('b'), record('c')], 5)]);
    const chunk = decode(bytes, { position: 6 });
    expect(values(chunk)).toEqual(['b', 'c']);
    expect(chunk.bounds.nextOffset).toBe(8);
    expect(nextOffsetAfter(bytes, 6)).toBe(8);
  });

  it('moves its position over empty and control batches that deliver nothing', () => {
    const empty = new BatchBuilder(100).finish({
      lastOffsetDelta: 9,
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
    });
    const emptyControl = new BatchBuilder(100).finish({
      lastOffsetDelta: 0,
      isControl: true,
      isTransactional: true,
      producerId: 1,
      producerEpoch: 0,
    });
    assignBaseOffset(empty, 0, 10);
    assignBaseOffset(emptyControl, 0, 20);
    const bytes = Buffer.concat([empty, emptyControl, markerOf('commit', 1, 21)]);
    const chunk = decode(bytes, { position: 3 });
    expect(chunk.count).toBe(0);
    expect(chunk.bounds.nextOffset).toBe(22);
    expect(nextOffsetAfter(bytes, 3)).toBe(22);
  });

  it('never moves its position back', () => {
    expect(decode(batchOf([record('old')], 4), { position: 9 }).bounds.nextOffset).toBe(9);
  });

  it('filters aborted transactions that overlap, even when a key looks like an abort marker', () => {
    const intZero = Buffer.alloc(4);
    const transactional = (producerId: number): BatchStamp => ({
      producerId,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    });
    const bytes = Buffer.concat([
      batchOf([record('abort-1', intZero)], 0, transactional(1)),
      batchOf([record('abort-2', intZero)], 1, transactional(2)),
      batchOf([record('ok-3')], 2, transactional(3)),
      batchOf([record('plain')], 3),
      batchOf([record('abort-1', intZero)], 4, transactional(1)),
      markerOf('abort', 1, 5),
      batchOf([record('abort-2')], 6, transactional(2)),
      batchOf([record('ok-1')], 7, transactional(1)),
      markerOf('abort', 2, 8),
      markerOf('commit', 3, 9),
      markerOf('commit', 1, 10),
    ]);
    const aborted: AbortedTransaction[] = [
      { producerId: 2, firstOffset: 1 },
      { producerId: 1, firstOffset: 0 },
    ];
    expect(values(decode(bytes, { aborted }))).toEqual(['ok-3', 'plain', 'ok-1']);
    expect(decode(bytes, { aborted, isolation: 'read_uncommitted' }).count).toBe(7);
    expect(decode(bytes, { aborted }).bounds.nextOffset).toBe(11);
  });

  it('filters two aborted transactions that both began before one batch ends', () => {
    const transactional = (producerId: number): BatchStamp => ({
      producerId,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    });
    // Compaction took the first batches of both transactions away.
    const bytes = Buffer.concat([
      batchOf([record('a'), record('b')], 10, transactional(1)),
      batchOf([record('c')], 12, transactional(2)),
      markerOf('abort', 2, 13),
      markerOf('abort', 1, 14),
      batchOf([record('later')], 15, transactional(1)),
    ]);
    const aborted = [
      { producerId: 1, firstOffset: 2 },
      { producerId: 2, firstOffset: 3 },
    ];
    expect(values(decode(bytes, { aborted }))).toEqual(['later']);
  });

  it('mixes packed and plain batches in one chunk', () => {
    const bytes = Buffer.concat([
      batchOf([record('a')], 0, { compression: 'gzip' }),
      batchOf([{ ...record('b'), headers: [{ name: 'x', value: Buffer.from('y') }] }], 1),
      batchOf([record('c')], 2, { compression: 'lz4' }),
    ]);
    const chunk = decode(bytes);
    expect(values(chunk)).toEqual(['a', 'b', 'c']);
    expect(chunk.headers(1)).toEqual([{ name: 'x', value: Buffer.from('y') }]);
  });
});
