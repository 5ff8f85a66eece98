import { describe, expect, it } from 'vitest';
import { commit, world } from './testing/store-world.js';

describe('what was loaded for a record', () => {
  it('stays until it is released, whatever else is evicted', async () => {
    const { engine, store, balances } = await world();
    for (const key of ['a', 'b', 'c']) balances.put(key, { n: 1 });
    await commit(store);
    store.discard();
    store.setBufferLimit(1000);
    const pins: unknown[] = [];
    await store.prefetch(['a', 'absent'], pins);
    await balances.getMany(Array.from({ length: 50 }, (_, n) => `other-${n}`));
    engine.reads = 0;
    expect(balances.get('a')).toEqual({ n: 1 });
    expect(balances.get('absent')).toBeUndefined();
    expect(engine.reads).toBe(0);
    for (const pin of pins) store.release(pin);
    store.setBufferLimit(0);
    expect(store.bufferedBytes).toBe(0);
  });

  it('reaches every read where the buffer has no room at all', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    store.setBufferLimit(0);
    expect(await balances.putIfAbsent('a', { n: 2 })).toEqual({ n: 1 });
    expect(await balances.putIfAbsent('b', { n: 3 })).toBeUndefined();
    expect(await balances.getMany(['b', 'a', 'b'])).toEqual([{ n: 3 }, { n: 1 }, { n: 3 }]);
    expect(await balances.get('a')).toEqual({ n: 1 });
    expect(await commit(store)).toEqual(['b={"n":3}']);
  });

  it('is no more than the buffer may hold and one engine read', async () => {
    const { store, balances } = await world();
    const keys = Array.from({ length: 2000 }, (_, n) => `k${n}`);
    const large = { n: 1, text: 'x'.repeat(20_000) };
    for (const key of keys) balances.put(key, large);
    await commit(store);
    store.discard();
    store.setBufferLimit(2_000_000);
    const pins: unknown[] = [];
    await store.prefetch(keys, pins);
    expect(store.bufferedBytes).toBeLessThan(5_000_000);
    expect(await balances.get('k1999')).toEqual(large);
    for (const pin of pins) if (pin !== undefined) store.release(pin);
    expect(store.bufferedBytes).toBeLessThanOrEqual(2_000_000);
  });

  it('fails the read of a value that the serde refuses, not the load', async () => {
    const { engine, store, balances } = await world();
    await engine.write(
      { keys: [Buffer.from('bad'), Buffer.from('good')], values: [Buffer.from('{'), Buffer.from('{"n":1}')] },
      1,
    );
    const pins: unknown[] = [];
    await store.prefetch(['bad', 'good'], pins);
    expect(balances.get('good')).toEqual({ n: 1 });
    await expect(balances.get('bad')).rejects.toThrow();
    await expect(balances.getMany(['good', 'bad'])).rejects.toThrow();
    for (const pin of pins) store.release(pin);
  });

  it('is asked for again after a read that failed', async () => {
    const { engine, store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    engine.failsNext = true;
    const pins: unknown[] = [];
    await expect(store.prefetch(['a'], pins)).rejects.toThrow('The disk is away.');
    expect(await balances.get('a')).toEqual({ n: 1 });
    store.release(pins[0]);
  });

  it('is not forgotten, nor taken for absent, after a look-up that a key of another type spoiled', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    for (const bad of [{ a: 1 }, null, undefined, '\ud800'])
      await expect(async () => balances.getMany(['a', bad as string])).rejects.toThrow();
    expect(await balances.get('a')).toEqual({ n: 1 });
    store.setBufferLimit(0);
    expect(store.bufferedBytes).toBe(0);
  });

  it('leaves out keys that the serde refuses', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    const pins: unknown[] = [];
    await store.prefetch([{ a: 1 }, null, 'a', ['b']], pins);
    expect(Array.from(pins, (pin) => pin !== undefined)).toEqual([false, false, true]);
    expect(balances.get('a')).toEqual({ n: 1 });
    store.release(pins[2]);
  });

  it('is seen by a second putIfAbsent of the same key', async () => {
    const { store, balances } = await world();
    const pins: unknown[] = [];
    const loading = store.prefetch(['a'], pins);
    const both = [balances.putIfAbsent('a', { n: 1 }), balances.putIfAbsent('a', { n: 2 })];
    expect(await Promise.all(both)).toEqual([undefined, { n: 1 }]);
    await loading;
    store.release(pins[0]);
    expect(await commit(store)).toEqual(['a={"n":1}']);
  });
});
