import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { SystemClock } from '../../time/system-clock.js';
import { QueryError } from '../problem/query-error.js';
import { LocalReads } from '../reads/local-reads.js';
import { LATEST_COMMITTED, type PartitionReads, type ReadBounds } from '../reads/partition-reads.js';
import type { PeerNetwork } from '../peers/peer-network.js';
import type { Peer } from '../peers/peer.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { QueryRouter } from './query-router.js';

const definition = storeDefinition('balances', stringSerde, json());
const target = { store: 'balances', partition: 0 };
const key = Buffer.from('k');

/** Other instances by name; each says who owns the partition, or answers. */
class FakeNetwork {
  readonly asked: string[] = [];

  constructor(
    private readonly answers: Readonly<
      Record<string, (bounds: ReadBounds) => { owner: string; epoch: number } | 'value'>
    >,
  ) {}

  readonly directory = {
    find: (instanceId: string): Peer | undefined =>
      instanceId in this.answers ? { instanceId, url: `http://${instanceId}` } : undefined,
    copies: () => [],
  };

  reads({ instanceId }: Peer): PartitionReads {
    const get: PartitionReads['get'] = async (_, __, bounds) => {
      this.asked.push(instanceId);
      const answer = this.answers[instanceId](bounds);
      const { epoch } = answer === 'value' ? { epoch: 1 } : answer;
      if (answer !== 'value')
        throw new QueryError('not-owner', 'not here', { members: { ...target, ownerInstance: answer.owner, epoch } });
      const freshness = {
        partition: 0,
        position: 1,
        role: 'active' as const,
        lag: 0,
        stalenessMs: 0,
        instanceId,
        epoch,
      };
      return { values: [Buffer.from(instanceId)], freshness };
    };
    return { get, scan: () => Promise.reject(new Error('unused')), count: () => Promise.reject(new Error('unused')) };
  }
}

describe('the router', () => {
  const world = (network: FakeNetwork): QueryRouter => {
    const runtime = new FakeRuntime([definition]);
    runtime.store('balances').set(0, undefined, { instanceId: 'b', url: 'http://b', isLocal: false });
    const clock = new SystemClock();
    return new QueryRouter(runtime, new LocalReads(runtime, clock), clock, () => network as unknown as PeerNetwork);
  };

  it('asks whom a former owner names, and goes there at once the next time', async () => {
    const network = new FakeNetwork({ b: () => ({ owner: 'c', epoch: 2 }), c: () => 'value' });
    const router = world(network);
    const { values } = await router.get(target, [key], LATEST_COMMITTED);
    expect(String(values[0])).toBe('c');
    expect(network.asked).toEqual(['b', 'c']);
    await router.get(target, [key], LATEST_COMMITTED);
    expect(network.asked).toEqual(['b', 'c', 'c']);
  });

  it('makes no loop of two that name each other, and gives up in bounded time', async () => {
    const network = new FakeNetwork({ b: () => ({ owner: 'c', epoch: 2 }), c: () => ({ owner: 'b', epoch: 2 }) });
    const startedAt = performance.now();
    await expect(world(network).get(target, [key], LATEST_COMMITTED)).rejects.toMatchObject({
      code: 'STREAMS_QUERY_NOT_OWNER',
      members: { hostsTried: [{ instance: 'b' }, { instance: 'c' }] },
    });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(network.asked.length).toBeLessThan(40);
  });

  it('asks again while a partition moves', async () => {
    let calls = 0;
    const network = new FakeNetwork({ b: () => (++calls < 4 ? { owner: 'a', epoch: 1 } : 'value') });
    const { values } = await world(network).get(target, [key], LATEST_COMMITTED);
    expect(String(values[0])).toBe('b');
  });
});
