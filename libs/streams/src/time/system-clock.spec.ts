import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MAX_TIMER_MS, SystemClock } from './system-clock.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it.each([0, 1, 1000, MAX_TIMER_MS, MAX_TIMER_MS + 1, 30 * 86_400_000, 4 * MAX_TIMER_MS])(
  'a timer of %i ms fires once, and then',
  (delayMs) => {
    const action = vi.fn();
    new SystemClock().schedule(delayMs, action);
    if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1);
    expect(action).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(action).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(2 * MAX_TIMER_MS);
    expect(action).toHaveBeenCalledTimes(1);
  },
);

it('a long timer can be cancelled in any of its parts, and one without end never fires', () => {
  const action = vi.fn();
  const clock = new SystemClock();
  const cancel = clock.schedule(3 * MAX_TIMER_MS, action);
  clock.schedule(Infinity, action);
  vi.advanceTimersByTime(1.5 * MAX_TIMER_MS);
  cancel();
  vi.advanceTimersByTime(3 * MAX_TIMER_MS);
  expect(action).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
