import type { GroupIdentity } from './group-member.js';
import type { PartitionOffset } from './log.js';
import type { RecordHeader } from './records/record-header.js';

export type CompressionCodec = 'none' | 'gzip' | 'snappy' | 'lz4';

export interface ProducerOptions {
  /** For the client id and log lines. */
  readonly role: string;
  readonly compression?: CompressionCodec;
  /** Largest batch, headers included. Default 512 KiB. */
  readonly batchMaxBytes?: number;
  /** Appended but unacknowledged bytes above which `append` answers false. Default 32 MiB. */
  readonly bufferMaxBytes?: number;
  /** How long a batch is retried before the producer fails. Default 120,000. */
  readonly deliveryTimeoutMs?: number;
}

export interface TransactionalProducerOptions extends ProducerOptions {
  readonly transactionalId: string;
  /** After this the broker aborts an open transaction of a dead owner. Default 10,000. */
  readonly transactionTimeoutMs?: number;
}

/**
 * Appends records, idempotently (KIP-98): a batch is stored once and in order, however often it has to be sent.
 *
 * After an error that is not retriable the producer is *failed*: `append`, `flush` and the rest throw that error until `close`, or for
 * a transactional producer until `abort` (kinds `abortable`) or a new `init`.
 */
export interface LogProducer {
  /**
   * Appends one record; the bytes are copied before this returns, and no promise is made per record.
   * @returns false when more than `bufferMaxBytes` wait for their acknowledgement: await `drain()` before appending more.
   */
  append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers?: readonly RecordHeader[],
  ): boolean;

  /** Settles when `append` would answer true again, or rejects if the producer has failed. */
  drain(): Promise<void>;

  /** Sends what waits, and settles when all records appended before the call are acknowledged by all in-sync replicas. */
  flush(): Promise<void>;

  /** The offset after the last acknowledged record of this producer in the partition, or undefined if there is none yet. */
  acknowledgedEnd(topic: string, partition: number): number | undefined;

  /** Sends nothing more. What was not acknowledged may or may not be in the log. Idempotent. */
  close(): Promise<void>;
}

/** How far the sources were processed, and the membership that proves the right to say so. */
export interface SourceOffsets {
  readonly offsets: readonly PartitionOffset[];
  readonly group: GroupIdentity;
  /** Asked for the identity to try again with when the generation of `group` is over (see `GroupMember.renewed`). Without it that is an error. */
  readonly renewed?: (refused: GroupIdentity) => Promise<GroupIdentity>;
}

/**
 * A producer whose records and offsets become visible together or not at all (KIP-98, KIP-447).
 *
 * A transaction begins with the first `append` or `sendOffsets` and ends with `commit` or `abort`. Records appended while `commit` is
 * under way belong to the next transaction and are sent once this one has ended.
 */
export interface TransactionalProducer extends LogProducer {
  /** Takes over the transactional id: fences its older owners and ends their open transaction. */
  init(): Promise<void>;

  /** Adds source offsets, fenced by the member's generation. @throws LogError `migrated` if the generation is over, `fenced` if the id was taken over. */
  sendOffsets(offsets: readonly PartitionOffset[], group: GroupIdentity): Promise<void>;

  /**
   * Flushes, adds the offsets of `source`, and commits, in this order: whoever takes the partitions over reads the end of a changelog and then
   * waits for pending offsets, so no record may follow them. When the outcome is not known it asks again with the same epoch until it is.
   * @throws LogError of kind `fenced`, `migrated`, or `abortable` (then call `abort`).
   */
  commit(source?: SourceOffsets): Promise<void>;

  /** Drops what was appended since the last commit and aborts it at the broker. The producer is usable afterwards. */
  abort(): Promise<void>;
}
