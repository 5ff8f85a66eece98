import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { FakeRuntime, storeDefinition, type FakeStore } from '../testing/fake-runtime.js';
import { LocalReads } from './local-reads.js';
import { LATEST_COMMITTED } from './partition-reads.js';
import { ReadableWaits } from './readable-waits.js';

const here = { instanceId: 'here', url: 'http://here', isLocal: true };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(): { readonly runtime: FakeRuntime; readonly store: FakeStore; readonly clock: ManualClock } {
  const runtime = new FakeRuntime([storeDefinition('balances', stringSerde, json<number>())]);
  return { runtime, store: runtime.store('balances'), clock: new ManualClock() };
}

describe('a read that waits for a position', () => {
  const target = { store: 'balances', partition: 0 };
  const bounds = { ...LATEST_COMMITTED, position: 500, waitMs: 60_000 };
  const key = [Buffer.from('k')];

  it('looks again when its partition changes, and never by itself', async () => {
    const { runtime, store, clock } = world();
    const reads = new LocalReads(runtime, clock);
    await store.put('k', 1, 0);
    const { view } = store.local(0)!;
    let looks = 0;
    const membership = runtime.membership.bind(runtime);
    runtime.membership = () => {
      looks++;
      return membership();
    };
    const answer = reads.get(target, key, bounds);
    await clock.advance(30_000);
    store.set(1, { position: 900 }, here);
    await turn();
    expect(looks).toBe(1);
    store.set(0, { position: 499, view: view! }, here);
    await turn();
    expect(looks).toBe(2);
    store.set(0, { position: 500, view: view! }, here);
    expect((await answer).freshness.position).toBe(500);
  });

  it('ends with its time, its signal, or an instance that answers no more', async () => {
    const { runtime, clock } = world();
    const reads = new LocalReads(runtime, clock);
    const problem = (name: string): unknown => expect.objectContaining({ problem: expect.objectContaining({ name }) });
    const late = expect(reads.get(target, key, bounds)).rejects.toEqual(problem('position-not-reached'));
    await clock.advance(60_000);
    await late;
    const reader = new AbortController();
    const left = expect(reads.get(target, key, { ...bounds, signal: reader.signal })).rejects.toBe('gone');
    reader.abort('gone');
    await left;
    const stopped = expect(reads.get(target, key, bounds)).rejects.toEqual(problem('not-running'));
    runtime.state = 'stopped';
    runtime.changed(0);
    await stopped;
  });
});

describe('the waits of an instance', () => {
  it('listen to it only while somebody waits, and are bounded', async () => {
    const clock = new ManualClock();
    let listeners = 0;
    const onReadableChange = (): (() => void) => {
      listeners++;
      return () => void listeners--;
    };
    const waits = new ReadableWaits({ onReadableChange }, clock);
    const many = Array.from({ length: 10_000 }, () => waits.until(0, 10, undefined, () => undefined));
    expect(listeners).toBe(1);
    const refused = waits.until(1, 10, undefined, () => undefined);
    await expect(refused).rejects.toMatchObject({ code: 'STREAMS_QUERY_OVERLOADED' });
    await clock.advance(10);
    expect(new Set(await Promise.all(many))).toEqual(new Set([undefined]));
    expect(listeners).toBe(0);
  });
});
