import { StreamsError } from './streams-error.js';

/** A serde refuses a value or bytes. The runtime reports it as a bad record, with topic, partition and offset. */
export class SerdeError extends StreamsError {
  override readonly name = 'SerdeError';

  constructor(
    readonly serde: string,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super('STREAMS_SERDE', message, options);
  }
}
