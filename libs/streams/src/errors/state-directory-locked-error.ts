import { StreamsError } from './streams-error.js';

/** Another live instance uses the state directory. Recovery: end it, or use a directory of its own. */
export class StateDirectoryLockedError extends StreamsError {
  override readonly name = 'StateDirectoryLockedError';

  constructor(
    readonly directory: string,
    /** The process that holds it; undefined when its lock file does not say. */
    readonly pid: number | undefined,
    /** Who holds it, as the subject of a sentence: `process 4711 on host-a`. */
    holder: string,
  ) {
    super(
      'STREAMS_STATE_DIRECTORY_LOCKED',
      `The state directory ${directory} is used by ${holder}. Stop it first, or give this instance another stateDir or applicationId.`,
    );
  }
}
