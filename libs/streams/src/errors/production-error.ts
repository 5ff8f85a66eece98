import { StreamsError } from './streams-error.js';

/** A record that a handler sent can never be written: its serde refuses it, or its topic does. `errors.production` decides. */
export class ProductionError extends StreamsError {
  override readonly name = 'ProductionError';

  constructor(
    /** The sink that was written to. */
    readonly sink: string,
    /** Topic of the sink. */
    readonly outputTopic: string,
    reason: string,
    cause?: unknown,
  ) {
    super('STREAMS_PRODUCTION_FAILED', `A record for "${outputTopic}" (sink ${sink}) cannot be written: ${reason}`, {
      cause,
    });
  }
}
