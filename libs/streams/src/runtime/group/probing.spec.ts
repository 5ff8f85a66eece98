import { expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { probing } from './probing.js';

it('asks for another rebalance as long as tasks wait to move, counted from the last assignment', async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  let asked = 0;
  const probe = probing(clock, 1000, stop.signal, () => asked++);
  probe(true);
  await clock.advance(999);
  probe(true);
  await clock.advance(999);
  expect(asked).toBe(0);
  await clock.advance(1);
  expect(asked).toBe(1);
  probe(true);
  probe(false);
  await clock.advance(5000);
  expect(asked).toBe(1);
  probe(true);
  stop.abort();
  await clock.advance(5000);
  probe(true);
  expect([asked, clock.pendingTimers]).toEqual([1, 0]);
});
