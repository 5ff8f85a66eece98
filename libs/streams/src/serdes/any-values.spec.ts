import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { booleanSerde, bytesSerde, float64Serde, int32Serde, int64Serde } from './binary-serdes.js';
import type { Serde } from './serde.js';
import { json, stringSerde } from './text-serdes.js';

const numbers = fc.constantFrom(0, -0, 1.5, NaN, Infinity, -(2 ** 31), 2 ** 31, 2 ** 31 - 1, 2 ** 53, 1e-320);
const bigints = fc.constantFrom(0n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n);
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('\ud800', 'a\udc00', '\ufeff', '7'),
);
const others = fc.constantFrom(undefined, null, true, false, Symbol('a'), Promise.resolve(1), new Date(0), [7], {
  n: 7,
});
const anything = fc.oneof(
  numbers,
  bigints,
  texts,
  others,
  fc.uint8Array({ maxLength: 9 }),
  fc.anything({ maxDepth: 1 }),
);
const serdes = [
  stringSerde,
  int32Serde,
  int64Serde,
  float64Serde,
  booleanSerde,
  bytesSerde,
  json(),
] as Serde<unknown>[];

function refuses(action: (() => unknown) | undefined): boolean {
  try {
    action?.();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'STREAMS_SERDE' });
    return true;
  }
}

function comparable(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

describe('whatever a serde is given,', () => {
  it.each(serdes.map((serde) => [serde.name, serde] as const))('%s gives it back or refuses it', (name, serde) => {
    fc.assert(
      fc.property(anything, (value) => {
        const isRefused = refuses(() => serde.serialize(value));
        const isRefusedAtPut = refuses(() => serde.check!(value)) || refuses(() => serde.checkRoundTrip?.(value));
        // JSON that nobody reads back is less strict, as JSON.stringify is: a Date inside of an output becomes text.
        if (name === 'json') expect(isRefusedAtPut || !isRefused).toBe(true);
        else expect(isRefusedAtPut).toBe(isRefused);
        if (isRefusedAtPut) return;
        const back = serde.deserialize(Buffer.from(serde.serialize(value)));
        // The integers of Kafka have one zero.
        expect(isDeepStrictEqual(comparable(back), comparable(name === 'int32' ? (value as number) + 0 : value))).toBe(
          true,
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each(serdes.map((serde) => [serde.name, serde] as const))('%s reads any bytes or refuses them', (_, serde) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), (bytes) => {
        refuses(() => serde.deserialize(bytes));
      }),
    );
  });

  it.each(serdes.map((serde) => [serde.name, serde] as const))('%s reads the text of its keys', (_, serde) => {
    fc.assert(
      fc.property(anything, (key) => {
        if (refuses(() => serde.serialize(key)) || refuses(() => serde.checkRoundTrip?.(key))) return;
        const text = serde.formatKey!(key);
        expect(Buffer.from(serde.serialize(serde.parseKey!(text)))).toEqual(Buffer.from(serde.serialize(key)));
      }),
    );
  });
});
