import { StreamsError } from './streams-error.js';

/** A store engine, or the binding asked for, cannot be used here. Recovery: install it or choose another one, as the message says. */
export class EngineUnavailableError extends StreamsError {
  override readonly name = 'EngineUnavailableError';

  constructor(
    readonly engine: string,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super('STREAMS_ENGINE_UNAVAILABLE', message, options);
  }
}
