import type { RecordHeader } from './records/record-header.js';

export interface SentRecord {
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly headers?: readonly RecordHeader[];
}

/**
 * Sends records of independent callers, idempotently (KIP-98). A batch that fails affects only the calls that have records in it; unlike a
 * `LogProducer`, a sender stays usable after a failure.
 */
export interface RecordSender {
  /**
   * Settles when the outcome of every record is known. Records of one partition keep the order of the calls.
   * @returns the offset after the last record, by partition.
   * @throws LogError the first failure. Records of `records` in other batches may have been written.
   */
  send(topic: string, records: readonly SentRecord[]): Promise<ReadonlyMap<number, number>>;

  /** Sends nothing more. Records that were not acknowledged may or may not be in the log. Idempotent. */
  close(): Promise<void>;
}
