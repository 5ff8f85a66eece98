import * as fc from 'fast-check';
import * as zlib from 'node:zlib';
import snappyjs from 'snappyjs';
import { describe, expect, it } from 'vitest';
import { compress, decompress } from './codec.js';
import { ExpansionLimitError } from './expansion-limit.js';
import { decodeInJavaScript, zstdDecompress } from './zstd.js';
import { zstdBlocks, zstdFrame } from './testing/zstd-frame.js';

const MIB = 2 ** 20;
const LIMIT = 2 * MIB;
const BOMB_BYTES = 64 * MIB;

const zstdInJavaScript = (bytes: Buffer, maxBytes: number): Buffer =>
  zstdDecompress(bytes, maxBytes, decodeInJavaScript);

const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const repeat = (part: Buffer, times: number): Buffer => Buffer.concat(Array.from({ length: times }, () => part));

/** Bytes of about `BOMB_BYTES`, each a small part again and again. */
const bombs: readonly (readonly [string, number, () => Buffer])[] = [
  ['gzip', 1, () => zlib.gzipSync(zeros(BOMB_BYTES), { level: 9 })],
  ['gzip of many members', 1, () => repeat(zlib.gzipSync(zeros(MIB)), 64)],
  [
    'xerial snappy',
    2,
    () => {
      const whole = compress('snappy', zeros(MIB));
      return Buffer.concat([whole.subarray(0, 16), repeat(whole.subarray(16), 64)]);
    },
  ],
  ['bare snappy', 2, () => Buffer.from(snappyjs.compress(zeros(BOMB_BYTES / 4)))],
  ['bare snappy that only says so', 2, () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])],
  [
    'lz4',
    3,
    () => {
      const whole = compress('lz4', zeros(4 * MIB));
      return Buffer.concat([whole.subarray(0, 7), repeat(whole.subarray(7, -4), 16), Buffer.alloc(4)]);
    },
  ],
  ['zstd', 4, () => zstdFrame(zstdBlocks(BOMB_BYTES))],
  ['zstd that declares its size', 4, () => zstdFrame(zstdBlocks(BOMB_BYTES), { contentBytes: BOMB_BYTES })],
  ['zstd with a window of 2 GB', 4, () => zstdFrame(zstdBlocks(BOMB_BYTES), { windowLog: 30 })],
  ['zstd of many frames', 4, () => repeat(zstdFrame(zstdBlocks(MIB)), 64)],
];

/** Bytes of buffers that the call allocates; what garbage collection takes back during it is not counted. */
function allocatedBy(call: () => unknown): number {
  const before = process.memoryUsage().arrayBuffers;
  call();
  return process.memoryUsage().arrayBuffers - before;
}

describe('a decompression bomb', () => {
  it.each(bombs)('of %s is refused before it takes much more than the limit', (_name, codec, make) => {
    const bomb = make();
    let failure: unknown;
    const bytes = allocatedBy(() => {
      try {
        decompress(codec, bomb, LIMIT);
      } catch (error) {
        failure = error;
      }
    });
    expect(failure).toBeInstanceOf(ExpansionLimitError);
    expect(bytes).toBeLessThan(3 * LIMIT + bomb.length);
  });

  it('of zstd is refused by the decoder in JavaScript too', () => {
    for (const frame of [{}, { contentBytes: BOMB_BYTES }, { windowLog: 30 }]) {
      const bomb = zstdFrame(zstdBlocks(BOMB_BYTES), frame);
      const bytes = allocatedBy(() => {
        expect(() => zstdInJavaScript(bomb, LIMIT)).toThrow(ExpansionLimitError);
      });
      expect(bytes).toBeLessThan(4 * LIMIT + bomb.length);
    }
  });
});

describe('bytes up to the limit', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) >> (i % 7)));

  it.each([
    ['gzip', 1, (bytes: Buffer) => compress('gzip', bytes)],
    ['snappy', 2, (bytes: Buffer) => compress('snappy', bytes)],
    ['bare snappy', 2, (bytes: Buffer) => Buffer.from(snappyjs.compress(bytes))],
    ['lz4', 3, (bytes: Buffer) => compress('lz4', bytes)],
    ['zstd', 4, (bytes: Buffer) => zstdFrame(zstdBlocks(bytes))],
    ['zstd with its size', 4, (bytes: Buffer) => zstdFrame(zstdBlocks(bytes), { contentBytes: bytes.length })],
    ['zstd with a checksum', 4, (bytes: Buffer) => zstdFrame(zstdBlocks(bytes), { hasChecksum: true })],
  ] as const)('pass, and one more does not (%s)', (_name, codec, pack) => {
    const packed = pack(content);
    // The checksum of the test's frame is a wrong one, which only zlib's own decoder looks at.
    const unpack = _name.endsWith('checksum') ? zstdInJavaScript : decompress.bind(undefined, codec);
    expect(unpack(packed, content.length).equals(content)).toBe(true);
    expect(() => unpack(packed, content.length - 1)).toThrow(ExpansionLimitError);
  });

  it('pass in lz4 blocks that refer to the blocks before them', () => {
    // "abcdefgh" as it is, then a match of eight bytes, eight back, and the five last bytes as they are.
    const plain = Buffer.from('abcdefgh');
    const linked = Buffer.from([0x04, 8, 0, 0x50, ...Buffer.from('12345')]);
    const size = (bytes: number): Buffer => {
      const word = Buffer.alloc(4);
      word.writeUInt32LE(bytes >>> 0);
      return word;
    };
    const frame = Buffer.concat([
      Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x70, 0]),
      size(0x8000_0000 + plain.length),
      plain,
      size(linked.length),
      linked,
      size(0),
    ]);
    expect(decompress(3, frame, 100).toString()).toBe('abcdefghabcdefgh12345');
  });
});

describe('bytes that other programs have compressed', () => {
  const content = Buffer.from(Array.from({ length: 100 }, (_, i) => '{"accountId":"acc-'.charCodeAt(i % 18)));

  it.each([
    ["gzip of Kafka's Java client", 1, 'H4sIAAAAAAAA/6tWSkxOzi/NK/FMUbICsXWrqS4CACrFjdJkAAAA'],
    ["snappy of Kafka's Java client", 2, 'glNOQVBQWQAAAAABAAAAAQAAABlkMHsiYWNjb3VudElkIjoBDAAt/hIARhIA'],
    ["lz4 of Kafka's Java client", 3, 'BCJNGGBAghsAAADQeyJhY2NvdW50SWQiOgwAHy0SADpQb3VudEkAAAAA'],
    ["zstd of Kafka's Java client", 4, 'KLUv/QBYzAAAkHsiYWNjb3VudElkIjoiYWNjLQEAvtAZBgEAAA=='],
    [
      'lz4 with block checksums and its size, of the command lz4',
      3,
      'BCJNGHxAZAAAAAAAAABeGwAAANB7ImFjY291bnRJZCI6DAAfLRIAOlBvdW50SSQTq6QAAAAA3iccRQ==',
    ],
  ] as const)('are read (%s)', (_name, codec, packed) => {
    expect(decompress(codec, Buffer.from(packed, 'base64'), 100).equals(content)).toBe(true);
    expect(() => decompress(codec, Buffer.from(packed, 'base64'), 99)).toThrow(ExpansionLimitError);
  });
});

describe('damaged bytes', () => {
  const content = Buffer.from('to be or not to be, '.repeat(400));
  const packed: readonly (readonly [number, Buffer])[] = [
    [1, compress('gzip', content)],
    [2, compress('snappy', content)],
    [2, Buffer.from(snappyjs.compress(content))],
    [3, compress('lz4', content)],
    [4, zstdFrame(zstdBlocks(content))],
  ];

  it('end in an error or in no more bytes than the limit', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...packed), changes, fc.nat(), ([codec, whole], bytes, cut) => {
        const changed = Buffer.from(whole.subarray(0, 1 + (cut % whole.length)));
        for (const [at, byte] of bytes) changed[at % changed.length] = byte;
        let length = 0;
        try {
          length = decompress(codec, changed, 2 * content.length).length;
        } catch {
          return;
        }
        expect(length).toBeLessThanOrEqual(2 * content.length);
      }),
      { numRuns: 500 },
    );
  });

  it('of a snappy block without a length are no endless loop', () => {
    const block = compress('snappy', content);
    block.writeInt32BE(-4, 16);
    expect(() => decompress(2, block, LIMIT)).toThrow('a block is cut');
  });
});
