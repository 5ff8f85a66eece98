import { LogError } from './log-error.js';

/** The batch that was not decompressed. */
export interface TooLargeBatch {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record that was to be read. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Records that the header of the batch declares. */
  readonly records: number;
  /** The latest timestamp of the batch. */
  readonly timestamp: number;
}

/**
 * A compressed batch would take more memory than `memory.batchMaxBytes`, so it was not decompressed. For a source, `errors.deserialization` decides
 * about the batch as a whole; for a changelog the instance stops.
 * Recovery: raise the option if the batch is legal. Otherwise find out who wrote it.
 */
export class BatchTooLargeError extends LogError implements TooLargeBatch {
  declare readonly topic: string;
  declare readonly partition: number;
  declare readonly firstOffset: number;
  declare readonly lastOffset: number;
  declare readonly records: number;
  declare readonly timestamp: number;

  constructor(batch: TooLargeBatch, maxBytes: number) {
    super(
      'fatal',
      'LOG_BATCH_TOO_LARGE',
      `The batch of offsets ${batch.firstOffset} to ${batch.lastOffset} of "${batch.topic}" partition ${batch.partition} takes more than ${maxBytes} bytes ` +
        `when it is decompressed, the limit of "memory.batchMaxBytes". Raise the option if the batch is legal`,
      { details: { ...batch, maxBytes } },
    );
  }
}
