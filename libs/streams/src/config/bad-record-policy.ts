import type { RecordHeader } from '../log/records/record-header.js';
import type { Duration } from './duration.js';

/** `deserialization`: a serde refused the record. `processing`: its handler threw. `production`: a record that its handler sent cannot be written. */
export type ErrorPhase = 'deserialization' | 'processing' | 'production';

/**
 * What happens to a record that cannot be handled: `fail` stops the instance without committing the record, `continue` logs, counts and skips it,
 * `deadLetter` writes its bytes with the context in headers to the dead-letter topic, in the same commit as everything else, and skips it.
 */
export type BadRecordAction = 'fail' | 'continue' | 'deadLetter';

/** What a function may answer; a retry comes after the default back-off, or after that many milliseconds. */
export type BadRecordAnswer = BadRecordAction | 'retry' | { readonly retryAfterMs: number };

/** Handles the record again at its place, after a wait that doubles each time, and does `finally` when all attempts have failed. */
export interface RetryPolicy {
  readonly retry: {
    /** Retries, beside the first attempt. */
    readonly attempts: number;
    /** Before the first retry. Default 100 ms. */
    readonly backoff?: Duration;
    /** Longest wait. Default 10 s, or `backoff` if that is longer. */
    readonly maxBackoff?: Duration;
    /** Share of each wait, 0 to 1, that is left to chance. Default 0. */
    readonly jitter?: number;
  };
  readonly finally: BadRecordAction;
}

/** A fixed action, retries, or a function that decides per failure. An error that the function throws counts as `fail`. */
export type BadRecordPolicy =
  BadRecordAction | RetryPolicy | ((failure: BadRecord) => BadRecordAnswer | Promise<BadRecordAnswer>);

export interface BadRecord {
  readonly phase: ErrorPhase;
  /** How often the record has failed since this instance first met it, this time included. */
  readonly attempt: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly handler: string;
  readonly taskId: string;
  readonly error: unknown;
}
