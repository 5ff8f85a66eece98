import { LogError } from '../errors/log-error.js';
import { delay, type Clock } from '../time/clock.js';

const BACK_OFF_MS = 200;

/** Repeats a call that is safe to repeat until it answers, or fails for another reason than an unreachable log. */
export async function untilAnswered<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || !(error instanceof LogError) || error.kind !== 'retriable') throw error;
    }
    await delay(clock, BACK_OFF_MS, signal);
    signal.throwIfAborted();
  }
}
