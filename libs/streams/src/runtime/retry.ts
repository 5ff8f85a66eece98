import { LogError } from '../errors/log-error.js';
import { delay, type Clock } from '../time/clock.js';

const BACK_OFF_MS = 200;

/** Repeats a call that is safe to repeat until it answers, fails for another reason than an unreachable log, or `signal` aborts. */
export async function untilAnswered<T>(clock: Clock, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await orAborted(signal, call());
    } catch (error) {
      if (signal.aborted || !(error instanceof LogError) || error.kind !== 'retriable') throw error;
    }
    await delay(clock, BACK_OFF_MS, signal);
  }
}

/** Settles as `answer` does, or rejects with the reason of `signal` once that aborts. */
export function orAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
