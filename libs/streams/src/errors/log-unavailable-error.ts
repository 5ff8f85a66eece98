import { StreamsError } from './streams-error.js';

/** No broker answered in time. Recovery: check the addresses and the network; trying again may work. */
export class LogUnavailableError extends StreamsError {
  override readonly name = 'LogUnavailableError';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('STREAMS_LOG_UNAVAILABLE', message, options);
  }
}
