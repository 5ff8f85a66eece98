import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { ByteRate } from './byte-rate.js';

const FOREVER = new AbortController().signal;

function watch(promise: Promise<void> | undefined): { isOver: boolean } {
  const watched = { isOver: false };
  void promise?.then(() => {
    watched.isOver = true;
  });
  return watched;
}

describe('a byte rate', () => {
  it('lets everything pass at once without a limit', () => {
    expect(new ByteRate(Infinity, new ManualClock()).spend(1e12, FOREVER)).toBeUndefined();
  });

  it('makes several readers wait until the bytes of all of them are paid for', async () => {
    const clock = new ManualClock();
    const rate = new ByteRate(1000, clock);
    const first = watch(rate.spend(500, FOREVER));
    const second = watch(rate.spend(1000, FOREVER));
    await clock.advance(499);
    expect([first.isOver, second.isOver]).toEqual([false, false]);
    await clock.advance(1);
    expect([first.isOver, second.isOver]).toEqual([true, false]);
    await clock.advance(1000);
    expect(second.isOver).toBe(true);
  });

  it('saves nothing up while nobody reads', async () => {
    const clock = new ManualClock();
    const rate = new ByteRate(1000, clock);
    await clock.advance(60_000);
    const late = watch(rate.spend(1000, FOREVER));
    await clock.advance(999);
    expect(late.isOver).toBe(false);
  });

  it('holds nobody up who stops', async () => {
    const stop = new AbortController();
    const waiting = watch(new ByteRate(1, new ManualClock()).spend(1e9, stop.signal));
    stop.abort();
    await Promise.resolve();
    expect(waiting.isOver).toBe(true);
  });
});
