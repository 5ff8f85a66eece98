import { LogError } from '../errors/log-error.js';
import { LogUnavailableError } from '../errors/log-unavailable-error.js';
import type { Log } from '../log/log.js';

/** @throws LogUnavailableError if no broker answers in time. */
export async function connectLog(log: Log): Promise<void> {
  try {
    await log.connect();
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.kind !== 'retriable') throw cause;
    throw new LogUnavailableError(
      `The log cannot be reached: ${cause.message}. Check "kafka.brokers", TLS, SASL and the network, then start again.`,
      { cause },
    );
  }
}
