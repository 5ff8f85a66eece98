import { problemList } from './problem-list.js';
import { StreamsError } from './streams-error.js';

/** A topology that cannot run. Lists every problem found. Recovery: fix the code. */
export class TopologyError extends StreamsError {
  override readonly name = 'TopologyError';

  constructor(readonly problems: readonly string[]) {
    super('STREAMS_TOPOLOGY', problemList('The topology is not valid', problems));
  }
}
