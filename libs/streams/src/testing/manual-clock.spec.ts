import { describe, expect, it } from 'vitest';
import { delay } from '../time/clock.js';
import { ManualClock } from './manual-clock.js';

describe('the manual clock', () => {
  it('fires timers in the order of their time, then of their schedule, and none before it', async () => {
    const clock = new ManualClock(1000);
    const fired: string[] = [];
    const at = (ms: number, name: string): void => void clock.schedule(ms, () => fired.push(`${name}@${clock.now()}`));
    at(20, 'b');
    at(10, 'a');
    at(20, 'c');
    at(31, 'late');
    await clock.advance(30);
    expect(fired).toEqual(['a@1010', 'b@1020', 'c@1020']);
    expect([clock.now(), clock.monotonic(), clock.pendingTimers]).toEqual([1030, 30, 1]);
  });

  it('fires what timers set off on the way, at its time', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const walk = async (): Promise<void> => {
      for (;;) {
        await delay(clock, 10);
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(clock.monotonic());
      }
    };
    void walk();
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
  });

  it('does not fire what was cancelled', async () => {
    const clock = new ManualClock();
    let hasFired = false;
    clock.schedule(1, () => (hasFired = true))();
    await clock.advance(10);
    expect(hasFired).toBe(false);
  });

  it('runs until a promise has settled, and no further', async () => {
    const clock = new ManualClock();
    expect(await clock.run(delay(clock, 50).then(() => 'done'))).toBe('done');
    expect(clock.monotonic()).toBe(50);
    await expect(clock.run(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow(/No timer is left/);
    clock.schedule(1000, () => {});
    await expect(clock.run(new Promise(() => {}), 500)).rejects.toThrow(/Not settled after 500 ms/);
  });
});
