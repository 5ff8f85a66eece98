import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int32Serde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { MemoryEngine } from '../engines/memory/memory-engine.js';
import { createStateStore } from '../state-store-factory.js';
import { KeyValueStore } from './key-value-store.js';
import { commit, definition, world, type Value } from './testing/store-world.js';

async function entriesOf(iterator: AsyncIterable<[string, Value]>): Promise<[string, number][]> {
  const entries: [string, number][] = [];
  for await (const [key, { n }] of iterator) entries.push([key, n]);
  return entries;
}

/** Applies writes when it is told to. */
class SlowEngine extends MemoryEngine {
  apply = (): void => undefined;

  override async write(...write: Parameters<MemoryEngine['write']>): Promise<void> {
    await new Promise<void>((resolve) => (this.apply = resolve));
    await super.write(...write);
  }
}

describe('a buffered key-value store', () => {
  it('answers a buffered key without a promise, and an unbuffered one with a single read', async () => {
    const { engine, store, balances } = await world();
    balances.put('a', { n: 1 });
    expect(balances.get('a')).toEqual({ n: 1 });
    await commit(store);
    store.discard();
    const both = [balances.get('a'), balances.get('a')];
    expect(await Promise.all(both)).toEqual([{ n: 1 }, { n: 1 }]);
    expect(engine.reads).toBe(1);
    expect(balances.get('a')).toEqual({ n: 1 });
  });

  it('remembers that a key is absent', async () => {
    const { engine, balances } = await world();
    expect(await balances.get('nobody')).toBeUndefined();
    expect(balances.get('nobody')).toBeUndefined();
    expect(engine.reads).toBe(1);
  });

  it('hands each changed key once to the changelog, with its last value, in the order of first change', async () => {
    const { store, balances } = await world();
    balances.put('b', { n: 1 });
    balances.put('a', { n: 2 });
    balances.put('b', { n: 3 });
    void balances.delete('a');
    expect(await commit(store)).toEqual(['b={"n":3}', 'a=']);
    expect(await commit(store)).toEqual([]);
  });

  it('shows queries nothing before a commit was applied', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    const prepared = await store.prepareCommit(() => {});
    expect(await store.view.get(Buffer.from('a'))).toBeUndefined();
    await store.applyCommit(prepared, 1);
    expect(Buffer.from((await store.view.get(Buffer.from('a'))) ?? []).toString()).toBe('{"n":1}');
    expect(store.position).toBe(1);
  });

  it('joins the point reads of one turn of the event loop into one engine read', async () => {
    const { engine, store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    engine.reads = 0;
    await Promise.all(['a', 'b', 'a'].map((key) => store.view.get(Buffer.from(key))));
    expect(engine.reads).toBe(1);
  });

  it('keeps a change that is made while the commit before it is on its way', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    const prepared = await store.prepareCommit(() => {});
    balances.put('a', { n: 2 });
    await store.applyCommit(prepared, 1);
    store.setBufferLimit(0);
    expect(balances.get('a')).toEqual({ n: 2 });
    expect(await commit(store)).toEqual(['a={"n":2}']);
  });

  it('never lets an old read win over a put, even if that put was committed and evicted meanwhile', async () => {
    const { engine, store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    const release = engine.holdReads();
    const reading = balances.get('a');
    balances.put('a', { n: 2 });
    await commit(store);
    store.setBufferLimit(0);
    store.setBufferLimit(Infinity);
    release();
    await reading;
    expect(await balances.get('a')).toEqual({ n: 2 });
  });

  it('evicts clean entries that were not read lately first, and dirty ones never', async () => {
    const { store, balances } = await world();
    for (const key of ['a', 'b', 'c']) balances.put(key, { n: 1 });
    await commit(store);
    void balances.get('a');
    balances.put('dirty', { n: 1 });
    store.setBufferLimit(Math.floor(store.bufferedBytes / 2) + 1);
    expect(balances.get('a')).toEqual({ n: 1 });
    expect(balances.get('dirty')).toEqual({ n: 1 });
    expect(balances.get('b')).toBeInstanceOf(Promise);
    store.setBufferLimit(0);
    expect(store.bufferedBytes).toBeGreaterThan(0);
  });

  it('does not believe a hint that was discarded or evicted meanwhile', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    const discarded: unknown[] = [];
    await store.prefetch(['a'], discarded);
    store.discard();
    store.hint('a', discarded[0]);
    expect(await balances.get('a')).toBeUndefined();

    balances.put('a', { n: 2 });
    await commit(store);
    const evicted: unknown[] = [];
    await store.prefetch(['a'], evicted);
    store.setBufferLimit(0);
    store.setBufferLimit(1000);
    balances.put('a', { n: 3 });
    store.hint('a', evicted[0]);
    expect(await balances.get('a')).toEqual({ n: 3 });
  });

  it('forgets what was not applied when it is discarded', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    balances.put('a', { n: 2 });
    balances.put('b', { n: 2 });
    store.discard();
    expect(await balances.get('a')).toEqual({ n: 1 });
    expect(await balances.get('b')).toBeUndefined();
    expect(await commit(store)).toEqual([]);
  });

  it('deletes at once, awaited or not, and answers what was there', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    await commit(store);
    store.discard();
    const deleted = balances.delete('a');
    expect(balances.get('a')).toBeUndefined();
    balances.put('a', { n: 2 });
    expect(await deleted).toEqual({ n: 1 });
    expect(balances.get('a')).toEqual({ n: 2 });
  });

  it('puts only if absent', async () => {
    const { store, balances } = await world();
    expect(await balances.putIfAbsent('a', { n: 1 })).toBeUndefined();
    await commit(store);
    store.discard();
    expect(await balances.putIfAbsent('a', { n: 2 })).toEqual({ n: 1 });
    expect(balances.get('a')).toEqual({ n: 1 });
  });

  it('scans buffer and engine as one, both bounds included', async () => {
    const { store, balances } = await world();
    for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) balances.put(key, { n: i });
    await commit(store);
    store.discard();
    balances.put('bb', { n: 10 });
    balances.put('c', { n: 11 });
    void balances.delete('b');
    expect(await entriesOf(balances.range('b', 'd'))).toEqual([
      ['bb', 10],
      ['c', 11],
      ['d', 3],
    ]);
    expect(await entriesOf(balances.reverseRange('b', 'c'))).toEqual([
      ['c', 11],
      ['bb', 10],
    ]);
    expect(await entriesOf(balances.prefixScan('b'))).toEqual([['bb', 10]]);
    expect((await entriesOf(balances.all())).length).toBe(4);
    expect((await entriesOf(balances.reverseAll())).map(([key]) => key)).toEqual(['d', 'c', 'bb', 'a']);
  });

  it('closes and counts the iterators that a handler left open', async () => {
    const { store, balances } = await world();
    balances.put('a', { n: 1 });
    const left = balances.all();
    for await (const _ of balances.all()) break;
    expect(store.releaseIterators()).toBe(1);
    expect(await left.next()).toEqual({ done: true, value: undefined });
  });

  it('fails loudly when a handler changes a value that the store holds', async () => {
    const { balances } = await world();
    const value = { n: 1, inner: { list: [1] } };
    balances.put('a', value);
    expect(() => value.inner.list.push(2)).toThrow(TypeError);
  });

  it('says where a store can be used when it is used elsewhere', () => {
    class Balances extends KeyValueStore<string, Value> {}
    expect(() => new Balances().get('a')).toThrow(/Balances is used where no task exists/);
  });

  it('agrees with a Map over any puts, reads, commits, discards and evictions', async () => {
    const keys = fc.integer({ min: -3, max: 3 });
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ put: keys, n: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ del: keys }) },
      { weight: 3, arbitrary: fc.record({ get: keys }) },
      { weight: 1, arbitrary: fc.record({ prefetch: fc.array(keys) }) },
      // Hints live until the next prefetch, however old they are by then.
      { weight: 3, arbitrary: fc.record({ hint: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ from: keys, to: keys, reverse: fc.boolean() }) },
      { weight: 1, arbitrary: fc.constant({ commit: true }) },
      { weight: 1, arbitrary: fc.constant({ discard: true }) },
      { weight: 1, arbitrary: fc.record({ limit: fc.integer({ min: 0, max: 1500 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { store } = await world(int32Serde as Serde<unknown>);
        const numbers = store.facade as KeyValueStore<number, Value>;
        let committed = new Map<number, number>();
        let model = new Map<number, number>();
        let hints: { keys: readonly number[]; entries: unknown[] } = { keys: [], entries: [] };
        for (const each of steps) {
          if ('put' in each) {
            numbers.put(each.put, { n: each.n });
            model.set(each.put, each.n);
          } else if ('del' in each) {
            const before = model.get(each.del);
            expect(await numbers.delete(each.del)).toEqual(before === undefined ? undefined : { n: before });
            model.delete(each.del);
          } else if ('get' in each) {
            expect((await numbers.get(each.get))?.n).toBe(model.get(each.get));
          } else if ('hint' in each) {
            const key = hints.keys[each.hint];
            if (key === undefined) continue;
            store.hint(key, hints.entries[each.hint]);
            expect((await numbers.get(key))?.n).toBe(model.get(key));
          } else if ('prefetch' in each) {
            for (const pin of hints.entries) if (pin !== undefined) store.release(pin);
            hints = { keys: each.prefetch, entries: [] };
            await store.prefetch(each.prefetch, hints.entries);
            expect((await numbers.getMany(each.prefetch)).map((value) => value?.n)).toEqual(
              each.prefetch.map((key) => model.get(key)),
            );
          } else if ('from' in each) {
            const { from, to, reverse } = each;
            const scan = (): AsyncIterable<[number, Value]> =>
              reverse ? numbers.reverseRange(from, to) : numbers.range(from, to);
            if (from < 0 && to >= 0) {
              expect(scan).toThrow(/crosses zero/);
              continue;
            }
            const within = [...model].filter(([key]) => key >= from && key <= to).sort(([a], [b]) => a - b);
            if (reverse) within.reverse();
            const found: [number, number][] = [];
            for await (const [key, value] of scan()) found.push([key, value.n]);
            expect(found).toEqual(within);
          } else if ('commit' in each) {
            await commit(store);
            committed = new Map(model);
          } else if ('discard' in each) {
            store.discard();
            model = new Map(committed);
          } else {
            store.setBufferLimit(each.limit);
          }
        }
        for (const pin of hints.entries) if (pin !== undefined) store.release(pin);
        await commit(store);
        store.setBufferLimit(0);
        expect(store.bufferedBytes).toBe(0);
        await store.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe('the position at which a value was read', () => {
  const bytes = (value?: Value): Uint8Array | undefined => value && Buffer.from(JSON.stringify(value));

  it('is that of the commit being written for what it writes, and the one before for all else', async () => {
    const engine = new SlowEngine();
    const store = createStateStore(definition(), engine, { freezeValues: true });
    await store.open();
    const balances = store.facade as KeyValueStore<string, Value>;
    const written = async (at: number): Promise<void> => {
      const writing = store.applyCommit(await store.prepareCommit(() => {}), at);
      engine.apply();
      await writing;
    };
    balances.put('a', { n: 1 });
    balances.put('gone', { n: 1 });
    balances.put('other', { n: 1 });
    await written(3);
    const at = (key: string, value?: Value): number | undefined =>
      store.positionOf([Buffer.from(key)], [bytes(value)], store.position ?? 0);
    expect(at('a', { n: 1 })).toBe(3);

    balances.put('a', { n: 2 });
    void balances.delete('gone');
    const prepared = await store.prepareCommit(() => {});
    // Changed again by the handler, which no commit has taken yet.
    balances.put('a', { n: 3 });
    expect([at('a', { n: 1 }), at('gone', { n: 1 })]).toEqual([3, 3]);
    const writing = store.applyCommit(prepared, 7);
    expect([at('a', { n: 1 }), at('gone', { n: 1 }), at('other', { n: 1 }), at('absent')]).toEqual([3, 3, 3, 3]);
    expect([at('a', { n: 2 }), at('gone')]).toEqual([7, 7]);
    const both = [Buffer.from('other'), Buffer.from('a'), Buffer.from('gone')];
    expect(store.positionOf(both, [bytes({ n: 1 }), bytes({ n: 2 }), undefined], 3)).toBe(7);
    expect(store.positionOf(both, [bytes({ n: 1 }), bytes({ n: 1 }), bytes({ n: 1 })], 3)).toBe(3);
    // Half of the commit, or one that writes what was there.
    expect(store.positionOf(both, [bytes({ n: 1 }), bytes({ n: 2 }), bytes({ n: 1 })], 3)).toBeUndefined();
    expect(await store.standing()).toBe(3);
    engine.apply();
    await writing;
    expect(store.standing()).toBe(7);
    expect([at('a', { n: 2 }), at('other', { n: 1 })]).toEqual([7, 7]);
  });

  it('cannot be told while records of the changelog are written', async () => {
    const engine = new SlowEngine();
    const store = createStateStore(definition(), engine, { freezeValues: true });
    await store.open();
    const restoring = store.restore({ keys: [Buffer.from('a')], values: [Buffer.from('{"n":1}')] }, 2);
    expect(store.positionOf([Buffer.from('a')], [undefined], 0)).toBeUndefined();
    expect(await store.standing()).toBe(0);
    engine.apply();
    await restoring;
    expect(store.positionOf([Buffer.from('a')], [Buffer.from('{"n":1}')], 2)).toBe(2);
    expect(store.positionOf([Buffer.from('a')], [Buffer.from('{"n":1}')], 0)).toBeUndefined();
  });
});
