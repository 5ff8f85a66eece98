import { StreamsError } from './streams-error.js';

/** Source topics that feed one sub-topology have different partition counts. Recovery: change the topics. */
export class CoPartitioningError extends StreamsError {
  override readonly name = 'CoPartitioningError';

  constructor(
    message: string,
    /** Partition count of each topic of the sub-topology. */
    readonly topics: Readonly<Record<string, number>>,
  ) {
    super('STREAMS_COPARTITION_MISMATCH', message);
  }
}
