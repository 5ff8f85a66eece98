import { LogError } from '../errors/log-error.js';
import { reasonOf } from '../errors/reason-of.js';
import type { StreamsLogger } from '../observability/streams-logger.js';
import { delay, type CancelTimer, type Clock } from '../time/clock.js';

const BACK_OFF_MS = 200;
const FIRST_WARNING_MS = 30_000;
const LONGEST_PAUSE_MS = 300_000;

export interface Waiting {
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

/**
 * Repeats a call that is safe to repeat until it answers, fails for another reason than an unreachable log, or `signal` aborts. Warns after 30
 * seconds, and then after pauses that grow to five minutes.
 * @param what completes "Waiting for Kafka to ...".
 */
export async function untilAnswered<T>(
  { clock, logger }: Waiting,
  signal: AbortSignal,
  what: string,
  call: () => Promise<T>,
): Promise<T> {
  let reason: string | undefined;
  const cancelWarnings = warnings(clock, (waitedMs) =>
    logger.warn(
      `Waiting for Kafka to ${what} for ${Math.round(waitedMs / 1000)} s. The call is repeated until it succeeds. ` +
        (reason === undefined ? 'The brokers have not answered yet.' : `Last reason: ${reason}`),
    ),
  );
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await orAborted(signal, call());
      } catch (error) {
        if (signal.aborted || !(error instanceof LogError) || error.kind !== 'retriable') throw error;
        reason = reasonOf(error);
      }
      await delay(clock, BACK_OFF_MS, signal);
    }
  } finally {
    cancelWarnings();
  }
}

/** Calls `warn` until it is cancelled. */
function warnings(clock: Clock, warn: (waitedMs: number) => void): CancelTimer {
  const since = clock.monotonic();
  let pauseMs = FIRST_WARNING_MS;
  const next = (): CancelTimer =>
    clock.schedule(pauseMs, () => {
      warn(clock.monotonic() - since);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      cancel = next();
    });
  let cancel = next();
  return () => cancel();
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
