import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import type { FeedEvent } from './store-feed.js';
import { visibleEvents } from './visible-events.js';

const change = (key: string, offset: number): FeedEvent => ({
  type: 'change',
  key: Buffer.from(key),
  value: null,
  position: { at: 1, offsets: [offset] },
});
const entry: FeedEvent = { type: 'entry', key: Buffer.from('hidden'), value: Buffer.from('') };
const bookmark = (offset: number): FeedEvent => ({ type: 'bookmark', position: { at: 1, offsets: [offset] } });

describe('what a caller may see of a feed', () => {
  /** What is told of `events`, between each two of which a second passes. */
  async function told(events: Iterable<FeedEvent>): Promise<FeedEvent[]> {
    const clock = new ManualClock();
    const feed = (async function* () {
      for (const event of events) {
        yield event;
        await clock.advance(1000);
      }
    })();
    const seen: FeedEvent[] = [];
    for await (const event of visibleEvents(feed, (key) => Buffer.from(key).toString() !== 'hidden', clock))
      seen.push(event);
    return seen;
  }

  it('is where the feed has come, although everything that changes is hidden', async () => {
    expect(await told(Array.from({ length: 13 }, (_, offset) => change('hidden', offset)))).toEqual([
      bookmark(5),
      bookmark(10),
    ]);
  });

  it('is that it has come further, when nothing happens after a hidden change', async () => {
    expect(await told([change('hidden', 1), { type: 'idle' }, { type: 'idle' }])).toEqual([
      bookmark(1),
      { type: 'idle' },
    ]);
  });

  it('says nothing of hidden changes where visible ones tell where it is', async () => {
    const visible = [change('a', 4), change('b', 8), change('a', 12)];
    const events = Array.from(
      { length: 13 },
      (_, offset) => visible.find((_, i) => offset === 4 * (i + 1)) ?? change('hidden', offset),
    );
    expect(await told(events)).toEqual(visible);
  });

  it('gives no position while a snapshot is hidden', async () => {
    const during: FeedEvent = { type: 'change', key: Buffer.from('hidden'), value: null, position: undefined };
    const events: FeedEvent[] = [
      { type: 'snapshot-begin' },
      ...Array.from({ length: 8 }, () => entry),
      during,
      during,
      during,
    ];
    expect(await told(events)).toEqual([{ type: 'snapshot-begin' }, { type: 'idle' }, { type: 'idle' }]);
  });
});
