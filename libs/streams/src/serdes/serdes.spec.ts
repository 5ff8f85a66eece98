import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { booleanSerde, bytesSerde, float64Serde, int32Serde, int64Serde } from './binary-serdes.js';
import { resolveSerde } from './resolve-serde.js';
import type { Serde } from './serde.js';
import { json, stringSerde } from './text-serdes.js';

const cases: [Serde<unknown>, fc.Arbitrary<unknown>][] = [
  [stringSerde, fc.string({ unit: 'grapheme' })],
  [json(), fc.jsonValue()],
  [bytesSerde, fc.uint8Array()],
  [int32Serde, fc.integer()],
  [int64Serde, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [float64Serde, fc.double({ noNaN: true })],
  [booleanSerde, fc.boolean()],
];

describe('a serde', () => {
  for (const [serde, values] of cases) {
    it(`${serde.name}: gives back what it was given`, () => {
      fc.assert(
        fc.property(values, (value) => {
          const back: unknown = serde.deserialize(serde.serialize(value));
          if (value instanceof Uint8Array) expect(Buffer.from(back as Uint8Array)).toEqual(Buffer.from(value));
          // JSON has one zero.
          else expect(JSON.stringify(back, bigints)).toBe(JSON.stringify(value, bigints));
        }),
      );
    });
  }

  it('reads text as it reads the UTF-8 bytes of that text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        for (const serde of [json<unknown>(), stringSerde as Serde<unknown>]) {
          expect(serde.fromText?.(text)).toEqual(serde.deserialize(Buffer.from(text)));
        }
      }),
    );
  });

  it('writes what the Java serializers write', () => {
    expect(int32Serde.serialize(-2)).toEqual(Buffer.from('fffffffe', 'hex'));
    expect(int64Serde.serialize(258n)).toEqual(Buffer.from('0000000000000102', 'hex'));
    expect(float64Serde.serialize(1.5)).toEqual(Buffer.from('3ff8000000000000', 'hex'));
  });

  it('refuses what it cannot hold, with its name', () => {
    for (const refused of [
      () => int32Serde.serialize(2 ** 31),
      () => int32Serde.deserialize(Buffer.alloc(3)),
      () => stringSerde.serialize(1 as never),
      () => json().serialize(undefined),
      () => json().deserialize(Buffer.from('{')),
      () => json().serialize(NaN),
      () => json().serialize({ n: 1n }),
      () => json().serialize(Promise.resolve(1)),
      () => json().serialize(new Map([['a', 1]])),
      () => json().serialize(new Set([1])),
      () => booleanSerde.deserialize(Buffer.of(2)),
      () => booleanSerde.deserialize(Buffer.of(255)),
      () => resolveSerde('xml' as never),
    ]) {
      expect(refused).toThrow(expect.objectContaining({ code: 'STREAMS_SERDE' }));
    }
  });

  it('never writes other bytes for what it cannot hold, and does not quote it', () => {
    const odd: unknown[] = [
      undefined,
      null,
      {},
      [],
      'secret',
      '7',
      NaN,
      Infinity,
      1.5,
      true,
      7,
      7n,
      2n ** 63n,
      new Date(0),
    ];
    const takes: [Serde<unknown>, (value: unknown) => boolean][] = [
      [int32Serde as Serde<unknown>, (value) => value === 7],
      [int64Serde as Serde<unknown>, (value) => value === 7n],
      [float64Serde as Serde<unknown>, (value) => typeof value === 'number'],
      [booleanSerde as Serde<unknown>, (value) => typeof value === 'boolean'],
      [stringSerde as Serde<unknown>, (value) => typeof value === 'string'],
      [bytesSerde as Serde<unknown>, () => false],
    ];
    for (const [serde, takesIt] of takes) {
      for (const value of odd.filter((each) => !takesIt(each))) {
        const message = expect.not.stringContaining('secret');
        const refused = expect.objectContaining({ code: 'STREAMS_SERDE', message });
        expect(() => serde.serialize(value), serde.name).toThrow(refused);
        expect(() => serde.check?.(value), serde.name).toThrow(refused);
      }
    }
    expect(() => stringSerde.serialize('a\ud800')).toThrow(/lone surrogates/);
  });

  for (const [serde, keys] of cases) {
    it(`${serde.name}: reads a key in a URL as the key it was made of`, () => {
      fc.assert(
        fc.property(keys, (key) => {
          const back = serde.parseKey?.(serde.formatKey?.(key) as string);
          expect(Buffer.from(serde.serialize(back))).toEqual(Buffer.from(serde.serialize(key)));
        }),
      );
    });
  }

  it('reads a key in a URL strictly', () => {
    const refused: [Serde<unknown>, string[]][] = [
      [json(), ['', 'acc-1', '{']],
      [int32Serde, ['', ' 1', '01', '+1', '-0', '1.0', '1e3', '0x1', '2147483648', '-2147483649']],
      [int64Serde, ['', '1n', '01', '-0', '1.0', '9223372036854775808', '99999999999999999999999']],
      [float64Serde, ['', '.5', '1.', '01', '1e999', 'nan', 'infinity', '0x1', '1_000']],
      [booleanSerde, ['', '1', 'TRUE', 'yes']],
      [bytesSerde, ['a', 'ab=', 'a+-_', 'abcd\n', 'AB']],
    ];
    for (const [serde, texts] of refused) {
      for (const text of texts) {
        expect(() => serde.parseKey?.(text), `${serde.name} ${text}`).toThrow(
          expect.objectContaining({ code: 'STREAMS_SERDE' }),
        );
      }
    }
    expect(int64Serde.parseKey?.('-9223372036854775808')).toBe(-(2n ** 63n));
    expect(float64Serde.parseKey?.('-1.5e-3')).toBe(-0.0015);
    expect(bytesSerde.parseKey?.('-_8')).toEqual(bytesSerde.parseKey?.('+/8='));
  });

  it('keeps bytes that outlive the buffer they were read from', () => {
    const chunk = Buffer.from([1, 2, 3]);
    const kept = bytesSerde.deserialize(chunk.subarray(1));
    chunk.fill(0);
    expect([...kept]).toEqual([2, 3]);
  });
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
