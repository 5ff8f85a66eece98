import { StreamsError } from './streams-error.js';

/** An engine reports damage, or a position lies outside the changelog. Recovery: wipe and restore that store, and only that. */
export class StoreCorruptedError extends StreamsError {
  override readonly name = 'StoreCorruptedError';

  /** @param reason what the engine said, as the end of a sentence. */
  constructor(
    readonly store: string,
    readonly taskId: string,
    reason: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(
      'STREAMS_STORE_CORRUPTED',
      `Store "${store}" of task ${taskId} is damaged: ${reason}. It is wiped and restored from its changelog; if this repeats, check the disk.`,
      options,
    );
  }
}
