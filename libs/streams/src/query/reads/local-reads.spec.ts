import { describe, expect, it, vi } from 'vitest';
import type { LocalPartition } from '../../runtime/instance-status.js';
import type { CommittedView } from '../../stores/state-store.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { SystemClock } from '../../time/system-clock.js';
import { FakeRuntime, storeDefinition, type FakeStore } from '../testing/fake-runtime.js';
import { LocalReads } from './local-reads.js';
import { LATEST_COMMITTED } from './partition-reads.js';

const definition = storeDefinition('balances', stringSerde, json<number>());
const here = { instanceId: 'here', url: undefined, isLocal: true };

/** A store with one partition of these entries. */
async function storeOf(entries: Readonly<Record<string, number>>): Promise<{
  readonly reads: LocalReads;
  readonly store: FakeStore;
  readonly target: { readonly store: string; readonly partition: number };
  readonly view: CommittedView;
}> {
  const runtime = new FakeRuntime([definition], 1);
  const store = runtime.store('balances');
  for (const [key, value] of Object.entries(entries)) await store.put(key, value);
  const { view } = store.local(0)!;
  return {
    reads: new LocalReads(runtime, new SystemClock()),
    store,
    target: { store: 'balances', partition: 0 },
    view: view!,
  };
}

/** Where a store stands, as it stands at each call. */
function live(position: () => number): Pick<LocalPartition, 'standing' | 'positionOf'> {
  return {
    standing: () => position(),
    positionOf: (_keys, _values, since) => (position() === since ? since : undefined),
  };
}

describe('a read of what this instance holds', () => {
  it('tells of a page at which position it is, where a commit becomes visible before the store knows', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    const look = { range: {}, reverse: false, limit: 10 };
    const standing = async (): Promise<number> => {
      await store.put('a', 2, target.partition);
      return 2;
    };
    store.set(target.partition, { position: 1, view, standing }, here);
    const { values, freshness } = await reads.scan(target, look, LATEST_COMMITTED);
    expect([String(values[0]), freshness.position]).toEqual(['2', 2]);
    const { count, freshness: counted } = await reads.count(target, look, LATEST_COMMITTED);
    expect([count, counted.position]).toEqual([1, 2]);
  });

  it('does not answer where something becomes visible under each of its attempts', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    let written = 1;
    store.set(target.partition, { position: 1, view, standing: () => Promise.resolve(++written) }, here);
    const answer = reads.scan(target, { range: {}, reverse: false, limit: 10 }, LATEST_COMMITTED);
    await expect(answer).rejects.toMatchObject({ problem: { name: 'unassigned', status: 503 } });
    expect(written).toBe(11);
  });

  it('asks nobody where it stands if what was not committed is read', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    store.set(target.partition, { position: 1, view, uncommitted: view, standing: () => Promise.resolve(9) }, here);
    const bounds = { ...LATEST_COMMITTED, isolation: 'uncommitted' as const };
    const { freshness } = await reads.scan(target, { range: {}, reverse: false, limit: 10 }, bounds);
    expect(freshness.position).toBe(1);
  });

  it('says of keys at which position it has read them, where a commit is being written', async () => {
    const { reads, store, target, view } = await storeOf({ a: 2, b: 2 });
    store.set(target.partition, { position: 1, view, positionOf: () => 5 }, here);
    for (const keys of [['a'], ['a', 'b', 'c']]) {
      const bytes = keys.map((key) => Buffer.from(key));
      const { freshness } = await reads.get(target, bytes, LATEST_COMMITTED);
      expect(freshness.position).toBe(5);
    }
  });

  it('reads keys again where a write becomes visible under the look-up', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    let writes = 0;
    store.beforeRead = () => {
      // The last read of these is the first under which nothing changes.
      if (writes === 2) return;
      writes++;
      store.set(target.partition, { position: writes + 1, view }, here);
    };
    store.set(target.partition, { position: 1, view }, here);
    await store.put('a', 3, target.partition);
    const { values, freshness } = await reads.get(target, [Buffer.from('a')], LATEST_COMMITTED);
    expect([String(values[0]), freshness.position]).toEqual(['3', 3]);
  });

  it('reads keys once although their store is written to while the look-up waits for its turn', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1, b: 2 });
    let read = 0;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const slow: CommittedView = {
      get: async (key) => {
        read++;
        await ended;
        return view.get(key);
      },
      openCursor: (...args) => view.openCursor(...args),
    };
    let position = 1;
    store.set(target.partition, { position, view: slow, ...live(() => position) }, here);
    const keys = ['a', 'b'].map((key) => Buffer.from(key));
    const lookUps = Array.from({ length: 9 }, () => reads.get(target, keys, LATEST_COMMITTED));
    await vi.waitFor(() => expect(read).toBe(8 * keys.length));
    position = 2;
    end();
    await Promise.all(lookUps.slice(0, 8));
    const { values, freshness } = await lookUps[8];
    expect([values.map(String), freshness.position]).toEqual([['1', '2'], 2]);
    // The others were read while the write became visible, the last one was not.
    expect(read).toBe((8 + 8 + 1) * keys.length);
  });

  it('ends a page of a condition that nothing meets, and says how far it has looked', async () => {
    const { reads, store, target } = await storeOf({});
    for (let n = 0; n < 20_500; n++) await store.put(`k${String(n).padStart(5, '0')}`, n);
    const part = { range: {}, reverse: false, limit: 10, where: ['x=1'] };
    const { keys, lookedAt } = await reads.scan(target, part, LATEST_COMMITTED);
    expect([keys.length, String(lookedAt)]).toEqual([0, 'k19999']);
    const { count, lookedAt: counted } = await reads.count(target, { ...part, where: [] }, LATEST_COMMITTED);
    expect([count, String(counted)]).toEqual([20_480, 'k20479']);
  });

  it('bounds the bytes of a step, and the steps of concurrent scans and counts', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    let running = 0;
    let peak = 0;
    const stepBytes = new Set<number | undefined>();
    const watched: CommittedView = {
      get: (key) => view.get(key),
      openCursor: (...args) => {
        const cursor = view.openCursor(...args);
        return {
          next: async (limit, maxBytes) => {
            stepBytes.add(maxBytes);
            peak = Math.max(peak, ++running);
            await new Promise((resolve) => setImmediate(resolve));
            running--;
            return cursor.next(limit, maxBytes);
          },
          close: () => cursor.close(),
        };
      },
    };
    store.set(target.partition, { position: 1, view: watched }, here);
    const part = { range: {}, reverse: false, limit: 10 };
    const scans = Array.from({ length: 50 }, () => reads.scan(target, { ...part, where: ['x!=1'] }, LATEST_COMMITTED));
    expect((await Promise.all(scans)).map(({ keys }) => keys.length)).toEqual(Array(50).fill(1));
    expect([peak, ...stepBytes]).toEqual([8, 256 * 1024]);
    peak = 0;
    const counts = Array.from({ length: 50 }, () => reads.count(target, part, LATEST_COMMITTED));
    expect((await Promise.all(counts)).map(({ count }) => count)).toEqual(Array(50).fill(1));
    expect([peak, ...stepBytes]).toEqual([2, 256 * 1024]);
  });

  it('counts keys without their values, unless a condition needs them', async () => {
    const { reads, store, target, view } = await storeOf({ a: 1 });
    const opened: unknown[] = [];
    const watched: CommittedView = {
      get: (key) => view.get(key),
      openCursor: (range, options) => {
        opened.push(options);
        return view.openCursor(range, options);
      },
    };
    store.set(target.partition, { position: 1, view: watched }, here);
    const part = { range: {}, reverse: false, limit: 1 };
    await reads.count(target, part, LATEST_COMMITTED);
    await reads.count(target, { ...part, where: ['x!=1'] }, LATEST_COMMITTED);
    expect(opened).toEqual([
      { reverse: false, keysOnly: true },
      { reverse: false, keysOnly: false },
    ]);
  });

  it('answers an approximate count without a cursor', async () => {
    const { reads, store, target } = await storeOf({ a: 1, b: 2 });
    store.beforeRead = () => expect.fail('nothing is read');
    const part = { range: {}, reverse: false, limit: 1, isApproximate: true };
    expect(await reads.count(target, part, LATEST_COMMITTED)).toMatchObject({ count: 2, freshness: { partition: 0 } });
  });

  it('carries no more bytes in a part than it is asked for', async () => {
    const { reads, target } = await storeOf({ a: 1, b: 2, c: 3 });
    const part = { range: {}, reverse: false, limit: 10, maxBytes: 3 };
    const { keys, lookedAt } = await reads.scan(target, part, LATEST_COMMITTED);
    expect([keys.map(String), String(lookedAt)]).toEqual([['a', 'b'], 'b']);
  });
});
