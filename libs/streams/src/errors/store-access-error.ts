import { StreamsError } from './streams-error.js';

/**
 * A store was used where it cannot be: by a node that did not declare it, outside a task, after its task was closed, or with a key of another partition.
 * Recovery: fix the code, as the message says.
 */
export class StoreAccessError extends StreamsError {
  override readonly name = 'StoreAccessError';

  constructor(
    code:
      | 'STREAMS_STORE_NOT_DECLARED'
      | 'STREAMS_STORE_OUTSIDE_TASK'
      | 'STREAMS_STORE_CLOSED'
      | 'STREAMS_STORE_KEY_PARTITION',
    readonly store: string,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}
