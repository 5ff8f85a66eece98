import { afterEach, describe, expect, it, vi } from 'vitest';
import { stringSerde } from '../../serdes/text-serdes.js';
import type { CommittedView } from '../../stores/state-store.js';
import { SystemClock } from '../../time/system-clock.js';
import { decodeValues, encodeRequest, VALUES_MAX_BYTES } from '../peers/peer-protocol.js';
import { FakeRuntime, storeDefinition, type FakeStore } from '../testing/fake-runtime.js';
import { ServedPeers } from '../testing/served-peer.js';
import { LocalReads } from './local-reads.js';
import { LATEST_COMMITTED } from './partition-reads.js';
import { ValueBudget } from './value-budget.js';

const target = { store: 's', partition: 0 };
const names = (count: number): Buffer[] => Array.from({ length: count }, (_, n) => Buffer.from(`k${n}`));

async function storeOf(
  count: number,
  bytes: number,
): Promise<{ readonly store: FakeStore; readonly reads: LocalReads }> {
  const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 1);
  const store = runtime.store('s');
  for (let n = 0; n < count; n++) await store.put(`k${n}`, String(n).padEnd(bytes, '.'));
  return { store, reads: new LocalReads(runtime, new SystemClock()) };
}

describe('a look-up of what this instance holds', () => {
  it('answers all keys in their order, whatever sizes their values have', async () => {
    const { store, reads } = await storeOf(500, 3);
    for (let n = 0; n < 500; n += 50) await store.put(`k${n}`, String(n).padEnd(300_000, '.'));
    const { values } = await reads.get(target, [...names(500), Buffer.from('none')], LATEST_COMMITTED);
    expect(values.map((value) => value && parseInt(String(value)))).toEqual([
      ...Array.from({ length: 500 }, (_, n) => n),
      undefined,
    ]);
  });

  it('leaves out the values that its budget does not admit, and does not read on', async () => {
    const { store, reads } = await storeOf(1000, 100_000);
    let read = 0;
    store.beforeRead = () => void read++;
    const { values } = await reads.get(target, names(1000), LATEST_COMMITTED, new ValueBudget(1_000_000));
    expect(values.map((value) => parseInt(String(value)))).toEqual(Array.from({ length: 10 }, (_, n) => n));
    expect(read).toBeLessThan(40);
  });

  it('counts each value once where its partition came back under it', async () => {
    const { store, reads } = await storeOf(4, 100);
    let read = 0;
    store.beforeRead = () => {
      if (++read === 1)
        store.set(0, { view: store.local(0)!.view! }, { instanceId: 'there', url: undefined, isLocal: false });
    };
    const budget = new ValueBudget(400);
    await expect(reads.get(target, names(4), LATEST_COMMITTED, budget)).rejects.toMatchObject({
      problem: { name: 'not-owner' },
    });
    expect(budget.admit(400)).toBe(true);
  });
});

describe('a look-up for another instance', () => {
  const peers = new ServedPeers();
  afterEach(() => peers.close());

  it('of one key does not wait for a turn among look-ups of several', async () => {
    const { store, reads } = await storeOf(2, 10);
    const { view } = store.local(0)!;
    let read = 0;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const slow: CommittedView = {
      get: async (key) => {
        if (String(key) !== 'k0') {
          read++;
          await ended;
        }
        return view!.get(key);
      },
      openCursor: (...args) => view!.openCursor(...args),
    };
    store.set(0, { view: slow }, { instanceId: 'here', url: undefined, isLocal: true });
    const others = [Buffer.from('k1'), Buffer.from('none')];
    const lookUps = Array.from({ length: 8 }, () => reads.get(target, others, LATEST_COMMITTED));
    await vi.waitFor(() => expect(read).toBe(16));
    const peer = await peers.serve((...asked) => reads.get(...asked));
    const request = encodeRequest({ op: 'get', target, keys: names(1), bounds: LATEST_COMMITTED });
    const { values } = await peers.client().call('get', peer, request, decodeValues);
    expect(values.map((value) => parseInt(String(value)))).toEqual([0]);
    end();
    await Promise.all(lookUps);
  });

  it('reads no more than one answer carries', async () => {
    const { store, reads } = await storeOf(1000, 100_000);
    let read = 0;
    store.beforeRead = () => void read++;
    const peer = await peers.serve((...asked) => reads.get(...asked));
    const ask = async (maxBytes?: number): Promise<number> => {
      const limit = maxBytes !== undefined && { maxBytes };
      const request = encodeRequest({ op: 'get', target, keys: names(1000), bounds: LATEST_COMMITTED, ...limit });
      return (await peers.client().call('get', peer, request, decodeValues)).values.length;
    };
    expect(await ask()).toBe(Math.floor(VALUES_MAX_BYTES / 100_000));
    expect(read).toBeLessThan(80);
    expect(await ask(250_000)).toBe(2);
    expect(await ask(1)).toBe(1);
  });
});
