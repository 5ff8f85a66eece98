import { afterEach, describe, expect, it, vi } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { reportOf } from '../peers/peer-status.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { FeedWorld } from './testing/feed-world.js';

const problem = (name: string, members: object = {}): unknown =>
  expect.objectContaining({ problem: expect.objectContaining({ name }), members: expect.objectContaining(members) });

describe('an instance that has failed', () => {
  const runtime = new FakeRuntime([storeDefinition('balances', stringSerde, json<number>())]);
  runtime.state = 'failed';
  const queries = new StreamsQueryService(runtime);

  it.each([true, false])('refuses feeds, with a snapshot: %s', async (hasSnapshot) => {
    const { signal } = new AbortController();
    const opened = queries.changes('balances', { hasSnapshot, signal });
    await expect(opened).rejects.toEqual(problem('not-running', { state: 'failed' }));
  });

  it('calls none of its partitions readable, to clients and to other instances', async () => {
    const { partitions } = queries.metadata('balances');
    expect(partitions).toHaveLength(4);
    for (const { active } of partitions)
      expect(active).toEqual({ instance: 'here', url: 'http://here', state: 'unknown' });
    const { partitions: described } = await queries.describeStore('balances');
    expect(described.map(({ reason }) => reason)).toEqual(Array(4).fill('unassigned'));
    expect(reportOf(runtime, new Map()).stores).toEqual({});
  });
});

describe('a feed', () => {
  let world: FeedWorld | undefined;
  afterEach(() => world?.close());

  it('of a whole store is refused where an owner cannot be called, instead of breaking off at its partition', async () => {
    world = await FeedWorld.open({ partitions: 4 });
    const { log } = world;
    const runtime = new FakeRuntime([storeDefinition('items', stringSerde, stringSerde)]);
    vi.spyOn(runtime, 'openLog').mockResolvedValue(log);
    const queries = new StreamsQueryService(runtime);
    const ending = new AbortController();
    const open = async (hasSnapshot: boolean): Promise<void> => {
      const events = await queries.changes('items', { hasSnapshot, signal: ending.signal });
      await events.return(undefined);
    };
    await open(true);
    // A snapshot waits for what restores.
    runtime.store('items').set(1, { state: 'restoring' }, { instanceId: 'here', url: 'http://here', isLocal: true });
    await open(true);
    for (const partition of [0, 2]) {
      const elsewhere = { instanceId: 'there', url: 'http://there', isLocal: false };
      runtime.store('items').set(partition, undefined, elsewhere);
    }
    const missing = [expect.objectContaining({ partition: 0 }), expect.objectContaining({ partition: 2 })];
    await expect(open(true)).rejects.toEqual(problem('incomplete', { partitionCount: 4, missing }));
    await open(false);
  });

  it('does not go on from a position of the future', async () => {
    const clock = new ManualClock();
    world = await FeedWorld.open({ clock });
    const after = (aheadMs: number): object => ({ after: { at: clock.now() + aheadMs, offsets: [0] } });
    await expect(world.open(after(61_000))).rejects.toEqual(problem('feed-gone'));
    await world.open(after(59_000));
  });
});
