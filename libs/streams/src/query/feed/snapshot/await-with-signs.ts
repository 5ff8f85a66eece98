import type { Clock } from '../../../time/clock.js';
import { WakeUp } from '../tail/wake-up.js';

interface Outcome<T> {
  isSettled: boolean;
  value?: T;
  error?: unknown;
}

/** Waits for `promise`, with a sign of life each `idleAfterMs`. Undefined as soon as `signal` aborts: nobody needs the answer any more. */
export async function* awaitWithSigns<T>(
  promise: Promise<T>,
  { clock, idleAfterMs, signal }: { readonly clock: Clock; readonly idleAfterMs: number; readonly signal: AbortSignal },
): AsyncGenerator<{ readonly type: 'idle' }, T | undefined> {
  const outcome: Outcome<T> = { isSettled: false };
  const waking = new WakeUp();
  promise
    .then(
      (value) => (outcome.value = value),
      (error: unknown) => (outcome.error = error ?? new Error('Rejected without a reason.')),
    )
    .finally(() => {
      outcome.isSettled = true;
      waking.wake();
    });
  while (!outcome.isSettled && !signal.aborted) {
    await waking.wait(clock, idleAfterMs, signal);
    if (!outcome.isSettled && !signal.aborted) yield { type: 'idle' };
  }
  if (signal.aborted) return undefined;
  if (outcome.error !== undefined) throw outcome.error;
  return outcome.value;
}
