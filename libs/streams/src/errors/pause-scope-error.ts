import { StreamsError } from './streams-error.js';

/** What is to be paused or resumed does not exist in the topology of this instance. Nothing was changed. */
export class PauseScopeError extends StreamsError {
  override readonly name = 'PauseScopeError';

  constructor(what: string, known: readonly string[]) {
    super('STREAMS_PAUSE_SCOPE', `There is no ${what} to pause or resume. There are: ${known.join(', ') || 'none'}.`);
  }
}
