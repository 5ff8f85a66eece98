import { describe, expect, it } from 'vitest';
import { FakeRuntime } from '../testing/fake-runtime.js';
import { PeerDirectory } from './peer-directory.js';
import type { HeldPartition, InstanceReport } from './peer-status.js';

const INTERVAL_MS = 100;

describe('the directory of peers', () => {
  const world = (
    assigned = new Map<string, string>(),
  ): { readonly directory: PeerDirectory; pass(ms: number): void } => {
    let now = 1000;
    const clock = { now: () => now, monotonic: () => now, schedule: () => () => {} };
    const runtime = Object.assign(new FakeRuntime([]), { instances: () => assigned });
    return { directory: new PeerDirectory(runtime, clock, INTERVAL_MS), pass: (ms) => void (now += ms) };
  };
  const report = (
    instanceId: string,
    peers: Record<string, string> = {},
    epoch = 1,
    held: HeldPartition[] = [],
  ): InstanceReport => ({
    instanceId,
    epoch,
    stores: { items: held },
    peers: { [instanceId]: `http://${instanceId}`, ...peers },
  });
  const active: HeldPartition = { partition: 0, role: 'active', position: 5, lag: 0, stalenessMs: 0 };

  it('learns of instances by those that it knows, and forgets who is silent', () => {
    const { directory, pass } = world();
    directory.learn('b', report('b', { c: 'http://c', here: 'http://here' }));
    expect([...directory.peers()]).toEqual([
      ['b', 'http://b'],
      ['c', 'http://c'],
    ]);
    pass(900);
    directory.learn('c', report('c'));
    pass(200);
    expect([...directory.peers().keys()]).toEqual(['c']);
  });

  it('forgets who is gone, though others tell of it', () => {
    const now = { ms: 1000 };
    const clock = { now: () => now.ms, monotonic: () => now.ms, schedule: () => () => {} };
    const [a, c] = [1, 2].map(() => new PeerDirectory(new FakeRuntime([]), clock, INTERVAL_MS));
    const tell = (from: string, told: PeerDirectory, known: PeerDirectory): void =>
      told.learn(from, report(from, Object.fromEntries(known.firsthand())));
    a.learn('b', report('b'));
    now.ms += 2 * INTERVAL_MS;
    c.learn('b', report('b'));
    for (let interval = 0; interval < 40; interval++) {
      now.ms += INTERVAL_MS / 2;
      tell('c', a, c);
      now.ms += INTERVAL_MS / 2;
      tell('a', c, a);
    }
    expect([a.peers().has('c'), a.peers().has('b'), c.peers().has('b')]).toEqual([true, false, false]);
  });

  it('believes an instance about itself only', () => {
    const { directory } = world();
    directory.learn('b', report('c', {}, 9, [active]));
    expect(directory.copies('items', 0)).toEqual([]);
    directory.learn('b', report('b', {}, 1, [active]));
    directory.learn('c', report('c', { b: 'http://elsewhere' }, 2, [active]));
    // The one that knows the later assignment comes first.
    expect(directory.copies('items', 0).map(({ peer, epoch }) => [peer.instanceId, peer.url, epoch])).toEqual([
      ['c', 'http://c', 2],
      ['b', 'http://b', 1],
    ]);
  });

  it('believes an instance about its address, and the assignment once it has been silent for a while', () => {
    const { directory, pass } = world(new Map([['b', 'http://old']]));
    directory.learn('b', { ...report('b'), peers: { b: 'http://new' } });
    const urls = (): unknown[] => [
      directory.find('b')?.url,
      directory.find('b', 'http://told')?.url,
      directory.peers().get('b'),
    ];
    expect(urls()).toEqual(['http://new', 'http://new', 'http://new']);
    pass(301);
    expect(urls()).toEqual(['http://old', 'http://told', 'http://old']);
  });

  it('says how long ago a copy was described, and no longer names it after a while', () => {
    const { directory, pass } = world();
    directory.learn('b', report('b', {}, 1, [active]));
    pass(300);
    expect(directory.copies('items', 0)).toMatchObject([{ role: 'active', heardMs: 300 }]);
    expect([directory.hasHeard('b', 300), directory.hasHeard('b', 299)]).toEqual([true, false]);
    pass(800);
    expect(directory.copies('items', 0)).toEqual([]);
  });
});
