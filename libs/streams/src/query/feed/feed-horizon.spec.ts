import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { FeedHorizon, type ChangelogEnds } from './feed-horizon.js';

const RETENTION_MS = 100_000;

interface Look {
  readonly resolve: (ends: ChangelogEnds) => void;
  readonly reject: (error: Error) => void;
}

describe('the horizon of a feed', () => {
  function horizon(clock: ManualClock): { readonly horizon: FeedHorizon; readonly looks: Look[] } {
    const looks: Look[] = [];
    const look = (): Promise<ChangelogEnds> =>
      new Promise((resolve, reject) => {
        looks.push({ resolve, reject });
      });
    return { horizon: new FeedHorizon({ clock, at: clock.now(), retentionMs: RETENTION_MS, look }), looks };
  }

  it('is looked for each tenth of the retention, and is the time of a look once the feed has come where the changelog ended then', async () => {
    const clock = new ManualClock();
    const { horizon: feed, looks } = horizon(clock);
    const begunAt = clock.now();
    expect(feed.advance([5, undefined, 5])).toBe(false);
    await clock.advance(RETENTION_MS / 10);
    feed.advance([5, undefined, 5]);
    await clock.advance(RETENTION_MS);
    feed.advance([5, undefined, 5]);
    expect(looks).toHaveLength(1);
    const lookedAt = begunAt + RETENTION_MS / 10;
    looks[0].resolve({ at: lookedAt, offsets: [6, undefined, 6] });
    await clock.settle();
    expect([feed.advance([7, undefined, 5]), feed.at]).toEqual([false, begunAt]);
    expect([feed.advance([7, undefined, 6]), feed.at]).toEqual([true, lookedAt]);
    expect(looks).toHaveLength(1);
  });

  it('stays where it is while nobody can say where the changelog ends, which is asked again soon', async () => {
    const clock = new ManualClock();
    const { horizon: feed, looks } = horizon(clock);
    const begunAt = clock.now();
    await clock.advance(RETENTION_MS / 10);
    feed.advance([5]);
    looks[0].reject(new Error('no broker'));
    await clock.settle();
    feed.advance([5]);
    expect(looks).toHaveLength(1);
    await clock.advance(5000);
    feed.advance([5]);
    expect([looks.length, feed.at]).toEqual([2, begunAt]);
  });
});
