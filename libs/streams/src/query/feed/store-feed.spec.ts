import { afterEach, describe, expect, it } from 'vitest';
import { FeedWorld, type FeedWorldOptions } from './testing/feed-world.js';

describe('a feed of a store', () => {
  const worlds: FeedWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  const open = async (options?: FeedWorldOptions): Promise<FeedWorld> => {
    const world = await FeedWorld.open(options);
    worlds.push(world);
    return world;
  };

  it('says where it begins, if not with all entries, so that a break before the first change loses none', async () => {
    const world = await open();
    await world.write(['0.before']);
    const first = await world.open();
    const event = await first.next();
    expect(event).toMatchObject({ type: 'bookmark', position: { offsets: [1] } });
    await first.close();
    await world.write(['0.meanwhile']);
    const second = await world.open({ after: (event as { position: never }).position });
    await second.readTo(1);
    expect(second.told).toEqual([['0.meanwhile']]);
  });
});
