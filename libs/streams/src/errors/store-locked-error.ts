import { StreamsError } from './streams-error.js';

/** The engine's own lock on a store folder is held. Recovery: end its holder; nothing is damaged. */
export class StoreLockedError extends StreamsError {
  override readonly name = 'StoreLockedError';

  constructor(
    readonly store: string,
    readonly directory: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(
      'STREAMS_STORE_LOCKED',
      `Store "${store}" in ${directory} is open already, in this process or another. Close the other user of this folder, or give this instance a stateDir of its own.`,
      options,
    );
  }
}
