import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { booleanSerde, bytesSerde, float64Serde, int32Serde, int64Serde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { KeyValueStore } from './key-value-store.js';
import { commit, world, type Value } from './testing/store-world.js';

interface Order {
  tenant: string;
  number: number;
}

const orders: Serde<Order> = {
  name: 'order',
  serialize: ({ tenant, number }) => Buffer.from(`${tenant}/${number}`),
  deserialize: (bytes) => {
    const [tenant, number] = Buffer.from(bytes).toString().split('/');
    return { tenant: tenant!, number: Number(number) };
  },
};

const oddTexts = fc.constantFrom(
  '',
  '\0',
  '\0b',
  '\0t',
  '\0b1',
  '\0-0',
  '1',
  'true',
  'null',
  '{"a":1}',
  'é',
  'e\u0301',
);
const jsonKeys = fc
  .oneof(oddTexts, fc.constantFrom(0, 1, true, null), fc.constantFrom([], [1], ['1']))
  .chain((key) => fc.constantFrom<unknown>(key, { a: key }));

const kinds: readonly (readonly [Serde<never>, fc.Arbitrary<unknown>])[] = [
  [stringSerde as Serde<never>, oddTexts],
  [int32Serde as Serde<never>, fc.integer({ min: -2, max: 2 })],
  [int64Serde as Serde<never>, fc.bigInt(-2n, 2n)],
  [float64Serde as Serde<never>, fc.constantFrom(0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity)],
  [booleanSerde as Serde<never>, fc.boolean()],
  [
    bytesSerde as Serde<never>,
    fc.array(fc.constantFrom(0, 98, 255), { maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
  ],
  [json() as Serde<never>, jsonKeys],
  [orders as Serde<never>, fc.record({ tenant: fc.constantFrom('a', 'b'), number: fc.nat(2) })],
];

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Changes a key that a handler may change, too. */
function spoil(key: unknown): void {
  if (key instanceof Uint8Array) key.fill(7);
  else if (typeof key === 'object' && key !== null)
    Object.assign(key, Array.isArray(key) ? [9] : { tenant: 'z', a: 9 });
}

function copyOf(key: unknown): unknown {
  return key instanceof Uint8Array ? Buffer.from(key) : structuredClone(key);
}

describe('a store agrees with a map by the bytes of its keys,', () => {
  it.each(kinds.map(([serde, keys]) => [serde.name, serde as unknown as Serde<unknown>, keys] as const))(
    'which are %s',
    async (_, serde, keys) => {
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ put: keys, n: fc.nat(99) }) },
        { weight: 1, arbitrary: fc.record({ putIfAbsent: keys, n: fc.nat(99) }) },
        { weight: 2, arbitrary: fc.record({ del: keys }) },
        { weight: 3, arbitrary: fc.record({ get: keys }) },
        { weight: 2, arbitrary: fc.record({ prefetch: fc.array(keys, { minLength: 1, maxLength: 3 }) }) },
        { weight: 1, arbitrary: fc.constantFrom('commit', 'discard', 'scan', 'evict') },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const { store } = await world(serde);
          const entries = store.facade as KeyValueStore<unknown, Value>;
          let model = new Map<string, number>();
          let committed = new Map<string, number>();
          const valueOf = (key: unknown): Value | undefined => {
            const n = model.get(textOf(serde.serialize(key)));
            return n === undefined ? undefined : { n };
          };
          for (const each of steps) {
            if (each === 'commit') {
              await commit(store);
              committed = new Map(model);
            } else if (each === 'discard') {
              store.discard();
              model = new Map(committed);
            } else if (each === 'evict') {
              store.setBufferLimit(0);
              store.setBufferLimit(10_000);
            } else if (each === 'scan') {
              const found: [string, number][] = [];
              for await (const [key, { n }] of entries.all()) found.push([textOf(serde.serialize(key)), n]);
              expect(found).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
            } else if ('put' in each) {
              const key = copyOf(each.put);
              entries.put(key, { n: each.n });
              spoil(key);
              model.set(textOf(serde.serialize(each.put)), each.n);
            } else if ('putIfAbsent' in each) {
              const key = copyOf(each.putIfAbsent);
              const before = valueOf(each.putIfAbsent);
              expect(await entries.putIfAbsent(key, { n: each.n })).toEqual(before);
              spoil(key);
              if (before === undefined) model.set(textOf(serde.serialize(each.putIfAbsent)), each.n);
            } else if ('del' in each) {
              const key = copyOf(each.del);
              expect(await entries.delete(key)).toEqual(valueOf(each.del));
              spoil(key);
              model.delete(textOf(serde.serialize(each.del)));
            } else if ('get' in each) {
              const key = copyOf(each.get);
              expect(await entries.get(key)).toEqual(valueOf(each.get));
              spoil(key);
            } else {
              const pins: unknown[] = [];
              await store.prefetch(each.prefetch, pins);
              for (const [at, key] of each.prefetch.entries()) {
                store.hint(key, pins[at]);
                expect(await entries.get(key)).toEqual(valueOf(key));
              }
              for (const pin of pins) if (pin !== undefined) store.release(pin);
            }
          }
          await commit(store);
          store.discard();
          const left = new Map<string, number>();
          for await (const [key, { n }] of entries.all()) left.set(textOf(serde.serialize(key)), n);
          expect(left).toEqual(model);
          await store.close();
        }),
        { numRuns: 60 },
      );
    },
  );
});
