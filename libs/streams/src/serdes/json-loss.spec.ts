import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLoss } from './json-loss.js';

class Money {
  constructor(readonly cents: number) {}
}

function cyclic(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}

describe('what JSON loses', () => {
  it('is named with its path', () => {
    const hole: number[] = [];
    hole[1] = 2;
    const lost: [unknown, string, RegExp][] = [
      [{ when: new Date(0) }, '$.when', /a Date .* a string/],
      [{ a: [{ b: new Map() }] }, '$.a[0].b', /a Map would come back as a plain object/],
      [new Set([1]), '$', /a Set/],
      [{ 'a b': NaN }, '$["a b"]', /NaN would come back as null/],
      [[Infinity], '$[0]', /Infinity/],
      [[-Infinity], '$[0]', /-Infinity/],
      [{ n: -0 }, '$.n', /-0 would come back as 0/],
      [{ bytes: Buffer.from('a') }, '$.bytes', /a Buffer .*toJSON/],
      [{ bytes: new Uint8Array(1) }, '$.bytes', /a Uint8Array/],
      [{ n: 1n }, '$.n', /a bigint has no JSON/],
      [{ a: undefined }, '$.a', /undefined would be left out/],
      [[undefined], '$[0]', /undefined would come back as null/],
      [hole, '$[0]', /a hole would come back as null/],
      [{ f: () => 1 }, '$.f', /a function would be left out/],
      [[Symbol('a')], '$[0]', /a symbol would come back as null/],
      [{ [Symbol('a')]: 1 }, '$', /symbol for its name/],
      [{ price: new Money(1) }, '$.price', /a Money would come back as a plain object/],
      [Object.assign([1], { extra: 1 }), '$', /beside its elements/],
      [{ toJSON: () => 1 }, '$', /toJSON/],
      [{ a: { toJSON: () => 1 } }, '$.a', /toJSON/],
      [{ done: Promise.resolve() }, '$.done', /a Promise/],
      [new (class extends Array<number> {})(), '$', /come back as a plain object/],
      [new Error('x'), '$', /an Error/],
      [{ s: new String('a') }, '$.s', /a String/],
      [cyclic(), '$.self', /contains itself/],
    ];
    for (const [value, path, reason] of lost)
      expect(jsonLoss(value)).toEqual({ path, reason: expect.stringMatching(reason) });
  });

  it('is nothing of what comes back as it was', () => {
    const shared = { n: 1 };
    for (const value of [null, 0, '', '\ud800', true, [], {}, [[]], { a: [null, { b: 'c' }] }, [shared, shared]])
      expect(jsonLoss(value)).toBeUndefined();
    expect(jsonLoss(Object.create(null))).toBeUndefined();
  });

  it('is found in whatever comes back as something else, and only there', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    } as fc.ObjectConstraints);
    fc.assert(
      fc.property(fc.oneof(anything, fc.jsonValue()), (value) => {
        expect(jsonLoss(value) === undefined).toBe(comesBack(value));
      }),
      { numRuns: 100 },
    );
  });
});

function comesBack(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}
