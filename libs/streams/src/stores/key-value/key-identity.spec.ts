import { describe, expect, it } from 'vitest';
import { float64Serde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { json } from '../../serdes/text-serdes.js';
import type { KeyValueStore } from './key-value-store.js';
import { commit, world, type Value } from './testing/store-world.js';

describe('keys of different bytes have entries of their own:', () => {
  it('an object, and texts that look like it', async () => {
    const { store } = await world(json());
    const entries = store.facade as KeyValueStore<unknown, Value>;
    const keys = [{ a: 1 }, '{"a":1}', '\0b{"a":1}', '\0t{"a":1}', '\0t\0b{"a":1}', [], '[]', 1, '1', true, 'true'];
    for (const [n, key] of keys.entries()) entries.put(key, { n });
    const read = async (): Promise<unknown> => (await entries.getMany(keys)).map((value) => value?.n);
    expect(await read()).toEqual(keys.map((_, n) => n));
    expect(await commit(store)).toHaveLength(keys.length);
    store.discard();
    expect(await read()).toEqual(keys.map((_, n) => n));
    void entries.delete('{"a":1}');
    expect(await entries.get({ a: 1 })).toEqual({ n: 0 });
  });

  it('0 and -0, where the serde tells them apart', async () => {
    const { store } = await world(float64Serde as Serde<unknown>);
    const entries = store.facade as KeyValueStore<number, Value>;
    const pins: unknown[] = [];
    await store.prefetch([0], pins);
    store.hint(0, pins[0]);
    entries.put(-0, { n: 2 });
    entries.put(0, { n: 1 });
    store.hint(0, pins[0]);
    expect([entries.get(0), entries.get(-0)]).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await commit(store)).toHaveLength(2);
    store.discard();
    expect([await entries.get(0), await entries.get(-0)]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('but 0 and -0 share one where their bytes are the same', async () => {
    const { store } = await world({ ...json<unknown>(), checkRoundTrip: () => undefined });
    const entries = store.facade as KeyValueStore<number, Value>;
    entries.put(0, { n: 1 });
    entries.put(-0, { n: 2 });
    expect(entries.get(0)).toEqual({ n: 2 });
    expect(await commit(store)).toEqual(['0={"n":2}']);
  });
});
