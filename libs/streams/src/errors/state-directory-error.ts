import { StreamsError } from './streams-error.js';

/** The state directory cannot be made, read or written. Recovery: fix the path or its permissions. */
export class StateDirectoryError extends StreamsError {
  override readonly name = 'StateDirectoryError';

  constructor(
    readonly directory: string,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super('STREAMS_STATE_DIRECTORY', message, options);
  }
}
