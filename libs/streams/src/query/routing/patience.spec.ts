import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { SystemClock } from '../../time/system-clock.js';
import { QueryError } from '../problem/query-error.js';
import { LocalReads } from '../reads/local-reads.js';
import { LATEST_COMMITTED, type PartitionReads, type ReadBounds } from '../reads/partition-reads.js';
import type { PeerNetwork } from '../peers/peer-network.js';
import type { RemoteCopy } from '../peers/peer-directory.js';
import type { Peer } from '../peers/peer.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { QueryRouter } from './query-router.js';

const definition = storeDefinition('balances', stringSerde, json());
const target = { store: 'balances', partition: 0 };
const key = Buffer.from('k');
const copy = (instanceId: string, role: 'active' | 'standby', lag = 0): RemoteCopy => ({
  partition: 0,
  role,
  position: 1,
  lag,
  epoch: 1,
  heardMs: 0,
  peer: { instanceId, url: `http://${instanceId}` },
});

function world(
  answers: Readonly<Record<string, (bounds: ReadBounds) => QueryError | 'value'>>,
  copies: RemoteCopy[] = [],
): { readonly runtime: FakeRuntime; readonly router: QueryRouter } {
  const runtime = new FakeRuntime([definition]);
  const network = {
    directory: {
      find: (instanceId: string): Peer | undefined =>
        instanceId in answers ? { instanceId, url: `http://${instanceId}` } : undefined,
      copies: () => copies,
    },
    reads: ({ instanceId }: Peer): PartitionReads => ({
      get: async (_, __, bounds) => {
        const answer = answers[instanceId](bounds);
        if (answer !== 'value') throw answer;
        return {
          values: [Buffer.from(instanceId)],
          freshness: { partition: 0, position: 1, role: 'active', lag: 0, stalenessMs: 0, instanceId, epoch: 1 },
        };
      },
      scan: () => Promise.reject(new Error('unused')),
      count: () => Promise.reject(new Error('unused')),
    }),
  };
  const clock = new SystemClock();
  const router = new QueryRouter(
    runtime,
    new LocalReads(runtime, clock),
    clock,
    () => network as unknown as PeerNetwork,
  );
  return { runtime, router };
}

describe('the router', () => {
  it('waits half a second for a partition that moves from an instance that stops or has failed', async () => {
    const { runtime, router } = world({ b: () => new QueryError('not-running', 'stopping'), c: () => 'value' });
    const store = runtime.store('balances');
    store.set(0, undefined, { instanceId: 'b', url: 'http://b', isLocal: false });
    setTimeout(() => store.set(0, undefined, { instanceId: 'c', url: 'http://c', isLocal: false }), 100);
    const { values } = await router.get(target, [key], LATEST_COMMITTED);
    expect(String(values[0])).toBe('c');
  });

  it('waits half a second for a partition that moves, also if copies may answer but are too old', async () => {
    const answers = {
      b: () => new QueryError('not-owner', 'moving', { members: { ...target, ownerInstance: 'b', epoch: 1 } }),
      c: () => 'value' as const,
      d: () => new QueryError('too-stale', 'too old'),
    };
    // Without a bound on staleness it is answered.
    for (const bounds of [LATEST_COMMITTED, { ...LATEST_COMMITTED, maxStalenessMs: 50 }]) {
      const { runtime, router } = world(answers, [copy('d', 'standby')]);
      const store = runtime.store('balances');
      store.set(0, undefined, { instanceId: 'b', url: 'http://b', isLocal: false });
      setTimeout(() => store.set(0, undefined, { instanceId: 'c', url: 'http://c', isLocal: false }), 100);
      const { values } = await router.get(target, [key], bounds);
      expect(String(values[0])).toBe('c');
    }
  });

  it('names the copy that is too old rather than one that is away', async () => {
    const { runtime, router } = world(
      {
        b: () => new QueryError('peer-unreachable', 'b is away'),
        d: () => new QueryError('too-stale', 'd is too old'),
        e: () => new QueryError('peer-unreachable', 'e is away'),
      },
      [copy('d', 'standby', 1), copy('e', 'standby', 2)],
    );
    runtime.store('balances').set(0, undefined, { instanceId: 'b', url: 'http://b', isLocal: false });
    await expect(router.get(target, [key], { ...LATEST_COMMITTED, maxStalenessMs: 50 })).rejects.toMatchObject({
      problem: { name: 'too-stale' },
    });
  });
});
