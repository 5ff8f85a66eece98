import { StreamsError } from './streams-error.js';

/** An error met the policy `shutdownApplication`; `cause` is that error. Recovery: fix it, and start the instances again. */
export class ApplicationShutdownError extends StreamsError {
  override readonly name = 'ApplicationShutdownError';

  constructor(
    readonly applicationId: string,
    reason: string,
    cause?: unknown,
  ) {
    super(
      'STREAMS_APPLICATION_SHUTDOWN',
      `The application "${applicationId}" was asked to stop: ${reason} Fix that, and start its instances again.`,
      { cause },
    );
  }
}
