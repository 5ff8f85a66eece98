import type { RecordHeader } from '../log/records/record-header.js';

/**
 * What happens to a record that cannot be handled: `fail` stops the instance without committing the record, `continue` logs, counts and skips it,
 * `deadLetter` writes its bytes with the context in headers to the dead-letter topic, in the same commit as everything else, and skips it.
 */
export type BadRecordAction = 'fail' | 'continue' | 'deadLetter';

/** A fixed action, or a function that decides per record. An error that the function throws counts as `fail`. */
export type BadRecordPolicy = BadRecordAction | ((failure: BadRecord) => BadRecordAction | Promise<BadRecordAction>);

export interface BadRecord {
  readonly phase: 'deserialization' | 'processing';
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
