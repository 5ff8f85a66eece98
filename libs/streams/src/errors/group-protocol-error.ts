import { StreamsError } from './streams-error.js';

/** A member of the group speaks a version of our assignment protocol that this one does not know. Recovery: upgrade the older instances. */
export class GroupProtocolError extends StreamsError {
  override readonly name = 'GroupProtocolError';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('STREAMS_GROUP_PROTOCOL', message, options);
  }
}
