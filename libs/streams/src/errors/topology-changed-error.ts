import { problemList } from './problem-list.js';
import { StreamsError } from './streams-error.js';

/** The topology does not fit the state that is there. Recovery: undo the change, or reset the application on purpose. */
export class TopologyChangedError extends StreamsError {
  override readonly name = 'TopologyChangedError';

  constructor(
    /** One line for each difference that the existing state cannot bear. */
    readonly differences: readonly string[],
    remedy: string,
  ) {
    super(
      'STREAMS_TOPOLOGY_CHANGED',
      `${problemList('The topology has changed in a way that the existing state does not fit', differences)}\n${remedy}`,
    );
  }
}
