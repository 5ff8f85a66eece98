import type { LogError } from '../errors/log-error.js';
import type { IsolationLevel, PartitionOffset, TopicPartition } from './log.js';
import type { RecordChunk } from './records/record-chunk.js';

export interface PartitionReaderOptions {
  readonly isolation: IsolationLevel;
  /** For the client id and log lines: `source`, `restore`. */
  readonly role: string;
  /** Most bytes of one partition in one fetch; a larger batch is still read whole. Default 1 MiB. */
  readonly partitionMaxBytes?: number;
  /**
   * Bytes that are fetched but not yet taken, or asked for. Default 32 MiB. Beyond it, a chunk at a time is fetched while only paused partitions have any.
   * A batch that is larger is still read whole.
   */
  readonly prefetchMaxBytes?: number;
  /** Most bytes that one compressed batch may take once it is decompressed, 36 for each of its records included. Default 64 MiB, at most 1 GiB. */
  readonly batchMaxBytes?: number;
  /** How long a fetch may park at the broker when there is nothing to read. Default 250. */
  readonly maxWaitMs?: number;
}

/** A part of what one fetch brought for one partition: records, or the reason why they cannot be read. */
export type Fetched =
  | { readonly partition: TopicPartition; readonly chunk: RecordChunk; readonly error?: undefined }
  | { readonly partition: TopicPartition; readonly chunk?: undefined; readonly error: LogError };

/**
 * Reads partitions from given positions, without a group.
 *
 * The next fetch is sent as soon as the headers of the last one were walked, so it is under way while its records are processed.
 * `RecordChunk.nextOffset` passes control, aborted and empty batches, so a chunk may hold no record and still move the position. An
 * out-of-range position is an error value for that partition (code `LOG_OFFSET_OUT_OF_RANGE`), never a silent reset; the partition is
 * then not read until it is assigned again. A batch over `batchMaxBytes` is a `BatchTooLargeError` in its place, and reading continues after it.
 */
export interface PartitionReader {
  /**
   * Adds partitions, or moves those already assigned; what was fetched for their old position is dropped. It counts from the call, so a later `assign`
   * or `remove` wins; a rejected one leaves its partitions unassigned.
   */
  assign(positions: readonly PartitionOffset[]): Promise<void>;
  remove(partitions: readonly TopicPartition[]): void;

  /** A paused partition keeps its position and what was fetched; `take` passes it over, and it is not fetched further. */
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;

  /** The next offset to fetch, or undefined if the partition is not assigned. */
  position(partition: TopicPartition): number | undefined;

  /** The oldest fetched chunk or error, or undefined at once if there is none. */
  take(): Fetched | undefined;

  /** Settles when `take` would answer something, when `maxWaitMs` has passed, or when the reader is closed. */
  ready(maxWaitMs: number): Promise<void>;

  /** Idempotent. */
  close(): Promise<void>;
}
