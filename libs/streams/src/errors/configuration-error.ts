import { problemList } from './problem-list.js';
import { StreamsError } from './streams-error.js';

/** Options or decorators that cannot work. Lists every problem found, not only the first. Recovery: fix and restart. */
export class ConfigurationError extends StreamsError {
  override readonly name = 'ConfigurationError';

  constructor(
    readonly problems: readonly string[],
    options: { readonly cause?: unknown } = {},
  ) {
    super('STREAMS_CONFIGURATION', problemList('The configuration of nestjs-streams is not valid', problems), options);
  }
}
