import { StreamsError } from './streams-error.js';

/** State cannot be written any more. Recovery: make room, then start the instance again; nothing is lost and nothing damaged. */
export class DiskFullError extends StreamsError {
  override readonly name = 'DiskFullError';

  constructor(
    readonly directory: string,
    reason: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(
      'STREAMS_DISK_FULL',
      `There is no room for state in ${directory}: ${reason}. Make room there or move stateDir, and start the instance again; it goes on where it was.`,
      options,
    );
  }
}
