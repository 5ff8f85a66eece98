/** Cancels a timer; calling it after the timer fired does nothing. */
export type CancelTimer = () => void;

/** The only source of time and timers of the core, so that a test can own both. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that never jumps, with fractions; only differences mean something. */
  monotonic(): number;
  /** Calls `action` once after `delayMs`. A pending timer does not keep the process alive. */
  schedule(delayMs: number, action: () => void): CancelTimer;
}

/** Settles after `delayMs` on `clock`, or at once when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
