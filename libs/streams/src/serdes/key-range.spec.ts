import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float64Serde, int32Serde, int64Serde } from './binary-serdes.js';
import { keyRange } from './key-range.js';
import type { Serde } from './serde.js';
import { json, stringSerde } from './text-serdes.js';

const numbers: readonly [Serde<number | bigint>, fc.Arbitrary<number | bigint>][] = [
  [int32Serde as Serde<number | bigint>, fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 }))],
  [int64Serde as Serde<number | bigint>, fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-3n, 3n))],
  [
    float64Serde as Serde<number | bigint>,
    fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 })).map((value) => value + 0),
  ],
];

function isIn<T>(serde: Serde<T>, key: T, from: T | undefined, to: T | undefined): boolean {
  const { gte, lt } = keyRange(serde, from, to);
  const bytes = serde.serialize(key);
  return (gte === undefined || Buffer.compare(bytes, gte) >= 0) && (lt === undefined || Buffer.compare(bytes, lt) < 0);
}

describe('a range of keys', () => {
  for (const [serde, values] of numbers) {
    it(`of ${serde.name} has the numbers between its ends, or is refused`, () => {
      const end = fc.option(values, { nil: undefined });
      fc.assert(
        fc.property(end, end, fc.array(values), (from, to, keys) => {
          const low = from ?? -Infinity;
          const high = to ?? Infinity;
          const isWhole = from === undefined && to === undefined;
          if (!isWhole && low < 0 && high >= 0) {
            expect(() => keyRange(serde, from, to)).toThrow(/crosses zero.*"to" below 0/);
            return;
          }
          for (const key of keys) expect(isIn(serde, key, from, to)).toBe(isWhole || (key >= low && key <= high));
        }),
        { numRuns: 300 },
      );
    });
  }

  it('of float64 tells -0 from 0, as the bytes do', () => {
    expect([isIn(float64Serde, -0, -1, -0), isIn(float64Serde, -0, 0, 1), isIn(float64Serde, 0, 0, 0)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(() => keyRange(float64Serde, -0, 0)).toThrow(/crosses zero/);
  });

  it('of json is one of text, and refused for numbers', () => {
    expect(isIn(json(), 'b', 'a', 'c')).toBe(true);
    expect(isIn(json(), { n: 1 }, { n: 1 }, { n: 2 })).toBe(true);
    expect(isIn(json(), 7, 7, 7)).toBe(true);
    for (const [from, to] of [
      [2, 10],
      [2, undefined],
      [undefined, 10],
      ['a', 10],
    ])
      expect(() => keyRange(json(), from, to)).toThrow(/no ranges of numbers/);
  });

  it('of text has the keys between its ends in the order of bytes', () => {
    expect(['a', 'b', 'ba', 'c'].filter((key) => isIn(stringSerde, key, 'aa', 'b'))).toEqual(['b']);
    expect(isIn(stringSerde, 'b', 'c', 'a')).toBe(false);
  });
});
