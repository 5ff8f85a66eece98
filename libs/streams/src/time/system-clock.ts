import type { CancelTimer, Clock } from './clock.js';

/** Node fires a timer of more than this after 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The clock of the machine. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  schedule(delayMs: number, action: () => void): CancelTimer {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const partMs = Math.min(leftMs, MAX_TIMER_MS);
      timer = setTimeout(() => (leftMs > partMs ? wait(leftMs - partMs) : action()), partMs).unref();
    };
    // No timer at all for ever.
    if (delayMs === Infinity) return () => undefined;
    wait(delayMs);
    return () => clearTimeout(timer);
  }
}
