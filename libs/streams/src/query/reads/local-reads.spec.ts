import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { SystemClock } from '../../time/system-clock.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { LocalReads } from './local-reads.js';
import { LATEST_COMMITTED } from './partition-reads.js';

const definition = storeDefinition('balances', stringSerde, json<number>());
const here = { instanceId: 'here', url: undefined, isLocal: true };

describe('a read of what this instance holds', () => {
  it('shows the state at its position and at no other, where that is asked for', async () => {
    const runtime = new FakeRuntime([definition]);
    const store = runtime.store('balances');
    const partition = await store.put('a', 1);
    const { view } = store.local(partition)!;
    // The engine has a write already that the position does not tell of yet.
    let written = (): void => {};
    const writing = new Promise<void>((resolve) => (written = resolve));
    store.set(partition, { position: 1, view: view!, settled: () => writing }, here);
    await store.put('a', 2, partition);
    const reads = new LocalReads(runtime, new SystemClock());
    const part = { range: {}, reverse: false, limit: 10 };
    const loose = await reads.scan({ store: 'balances', partition }, part, LATEST_COMMITTED);
    expect([loose.freshness.position, String(loose.values[0])]).toEqual([1, '2']);
    const exact = reads.scan({ store: 'balances', partition }, { ...part, isExact: true }, LATEST_COMMITTED);
    store.set(partition, { position: 2, view: view! }, here);
    written();
    const { freshness, values } = await exact;
    expect([freshness.position, String(values[0])]).toEqual([2, '2']);
  });

  it('says of one key at which position it has read it, where a commit is being written', async () => {
    const runtime = new FakeRuntime([definition]);
    const store = runtime.store('balances');
    const partition = await store.put('a', 2);
    const { view } = store.local(partition)!;
    store.set(partition, { position: 1, view: view!, positionOf: () => 5 }, here);
    const reads = new LocalReads(runtime, new SystemClock());
    const target = { store: 'balances', partition };
    const { freshness } = await reads.get(target, [Buffer.from('a')], LATEST_COMMITTED);
    expect(freshness.position).toBe(5);
  });

  it('reads one key again where the position cannot be told or has moved meanwhile', async () => {
    const runtime = new FakeRuntime([definition]);
    const store = runtime.store('balances');
    const partition = await store.put('a', 1);
    const { view } = store.local(partition)!;
    let settle = (): void => {};
    const settling = new Promise<void>((resolve) => (settle = resolve));
    store.set(partition, { position: 1, view: view!, positionOf: () => undefined, settled: () => settling }, here);
    const reads = new LocalReads(runtime, new SystemClock());
    const target = { store: 'balances', partition };
    const answer = reads.get(target, [Buffer.from('a')], LATEST_COMMITTED);
    let reading = 0;
    store.beforeRead = () => {
      // The last read of these is the first that no write ends under.
      if (++reading <= 2) store.set(partition, { position: 1 + reading, view: view! }, here);
    };
    await store.put('a', 3, partition);
    settle();
    const { values, freshness } = await answer;
    expect([String(values[0]), freshness.position]).toEqual(['3', 3]);
  });

  it('ends a page of a condition that nothing meets, and says how far it has looked', async () => {
    const runtime = new FakeRuntime([definition], 1);
    const store = runtime.store('balances');
    for (let n = 0; n < 20_500; n++) await store.put(`k${String(n).padStart(5, '0')}`, n);
    const reads = new LocalReads(runtime, new SystemClock());
    const target = { store: 'balances', partition: 0 };
    const part = { range: {}, reverse: false, limit: 10, where: ['x=1'] };
    const { keys, lookedAt } = await reads.scan(target, part, LATEST_COMMITTED);
    expect([keys.length, String(lookedAt)]).toEqual([0, 'k19999']);
    const { count, lookedAt: counted } = await reads.count(target, { ...part, where: [] }, LATEST_COMMITTED);
    expect([count, String(counted)]).toEqual([20_480, 'k20479']);
  });
});
