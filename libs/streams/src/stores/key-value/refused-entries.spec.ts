import { describe, expect, it } from 'vitest';
import { int32Serde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { MemoryEngine } from '../engines/memory/memory-engine.js';
import type { StateStore } from '../state-store.js';
import { createStateStore } from '../state-store-factory.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import type { KeyValueStore } from './key-value-store.js';
import { commit, definition } from './testing/store-world.js';

interface World {
  readonly store: StateStore;
  readonly entries: KeyValueStore<unknown, unknown>;
}

/** A store as the topology defines it. */
function built(key: Serde<unknown>, value: Serde<unknown>): StoreDefinition {
  const builder = new TopologyBuilder().addStore({ ...definition(key), value });
  builder.addSource({ name: 'in', topic: 'in', key, value });
  const supplier = { create: () => Promise.resolve({ process: () => undefined }) };
  builder.addProcessor({ name: 'p', parents: ['in'], stores: ['balances'], prefetch: [], supplier });
  return builder.build({ applicationId: 'app' }).stores[0];
}

async function world<K, V>(key: Serde<K>, value: Serde<V>, freezeValues: boolean): Promise<World> {
  const of = built(key as unknown as Serde<unknown>, value as unknown as Serde<unknown>);
  const store = createStateStore(of, new MemoryEngine(), { freezeValues });
  await store.open();
  return { store, entries: store.facade as KeyValueStore<unknown, unknown> };
}

const serdeError = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'STREAMS_SERDE', message: expect.stringMatching(message) });

/** Each way to write is refused, and nothing of it is committed. */
async function expectRefused({ store, entries }: World, key: unknown, value: unknown, message: RegExp): Promise<void> {
  const refused = serdeError(message);
  expect(() => entries.put(key, value)).toThrow(refused);
  expect(() => entries.putAll([[key, value]])).toThrow(refused);
  await expect((async () => entries.putIfAbsent(key, value))()).rejects.toEqual(refused);
  expect(await commit(store)).toEqual([]);
}

describe('a store refuses where it is given', () => {
  for (const freezeValues of [true, false]) {
    const mode = freezeValues ? 'with checks' : 'in production';

    it(`null, undefined and promises, ${mode}`, async () => {
      const own = { ...json<string>(), name: 'own', check: () => undefined };
      const values: Serde<string>[] = [json(), stringSerde, own];
      for (const value of values) {
        const made = await world(stringSerde, value, freezeValues);
        await expectRefused(made, 'a', null, /"balances" was given null .*delete\(key\)/);
        await expectRefused(made, 'a', undefined, /"balances" was given undefined .*delete\(key\)/);
        await expectRefused(made, 'a', Promise.resolve('b'), /"balances" was given a promise .*Await it/);
      }
    });

    it(`what its serdes refuse, ${mode}`, async () => {
      const texts = await world(stringSerde, stringSerde, freezeValues);
      await expectRefused(texts, 'a\ud800', 'b', /Store "balances", key: .*lone surrogates/);
      await expectRefused(texts, 'a', '\udfff', /Store "balances", value: .*lone surrogates/);
      await expectRefused(texts, 1, 'b', /Store "balances", key: .*takes strings, not number/);
      await expectRefused(texts, 'a', { n: 1 }, /Store "balances", value: .*takes strings/);
      expect(() => texts.entries.delete('\ud800')).toThrow(serdeError(/"balances", key/));
      await expectRefused(
        await world(int32Serde, int32Serde, freezeValues),
        1,
        1.5,
        /"balances", value: .*not an integer/,
      );
      const objects = await world(json(), json(), freezeValues);
      await expectRefused(objects, 1n, 1, /"balances", key: .*bigint/);
      await expectRefused(objects, 1, NaN, /"balances", value: NaN/);
      await expectRefused(objects, 1, new Map(), /"balances", value: A Map/);
    });
  }

  it('what JSON would give back as something else, with checks', async () => {
    const made = await world(stringSerde, json(), true);
    await expectRefused(made, 'a', { when: new Date(0) }, /Store "balances", value: \$\.when: a Date would come back/);
    await expectRefused(made, 'a', { list: [1, undefined] }, /\$\.list\[1\]/);
    await expectRefused(await world(json(), json(), true), { n: -0 }, 1, /Store "balances", key: \$\.n: -0/);
  });

  it('what a serde without checks refuses, with checks', async () => {
    const own: Serde<number> = {
      name: 'own',
      serialize: (value) => {
        if (value < 0) throw new RangeError('It is negative.');
        return Buffer.of(value);
      },
      deserialize: (bytes) => bytes[0],
    };
    await expectRefused(await world(stringSerde, own, true), 'a', -1, /Store "balances", value: It is negative/);
    const { store, entries } = await world(stringSerde, own, false);
    entries.put('a', -1);
    await expect(commit(store)).rejects.toEqual(serdeError(/Store "balances", value: It is negative/));
  });

  it('nothing that is what it seems: the same values are read before and after a restart', async () => {
    const { store, entries } = await world(json(), json(), true);
    entries.put({ id: [1, 'a'] }, { text: '\ud800', list: [null, true, { n: 0.1 }] });
    const before = await entries.get({ id: [1, 'a'] });
    await commit(store);
    store.discard();
    expect(await entries.get({ id: [1, 'a'] })).toEqual(before);
  });

  it('bytes that its serde cannot read, with its name', async () => {
    const { store, entries } = await world(stringSerde, int32Serde, true);
    await store.restore({ keys: [Buffer.from('a')], values: [Buffer.from('abc')] }, 1);
    await expect((async () => entries.get('a'))()).rejects.toEqual(serdeError(/Store "balances", value: .*4 bytes/));
  });
});
