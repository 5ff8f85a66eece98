import type { ErrorPhase } from '../config/bad-record-policy.js';
import { reasonOf } from './reason-of.js';
import { StreamsError } from './streams-error.js';

/** The record that could not be handled. */
export interface BadRecordPlace {
  readonly phase: ErrorPhase;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly handler: string;
  readonly taskId: string;
}

const CODES = {
  deserialization: 'STREAMS_DESERIALIZATION_FAILED',
  processing: 'STREAMS_PROCESSING_FAILED',
  production: 'STREAMS_PRODUCTION_FAILED',
} as const satisfies Record<ErrorPhase, string>;

/**
 * A record could not be decoded, its handler threw, or what that sent could not be written, and the policy was `fail`. Nothing of it was committed, so a restart meets it again.
 * Recovery: fix the handler or the data, or choose the policy `continue` or `deadLetter`.
 */
export class BadRecordError extends StreamsError implements BadRecordPlace {
  override readonly name = 'BadRecordError';
  declare readonly phase: ErrorPhase;
  declare readonly topic: string;
  declare readonly partition: number;
  declare readonly offset: number;
  declare readonly handler: string;
  declare readonly taskId: string;

  constructor(place: BadRecordPlace, cause: unknown) {
    const reason = reasonOf(cause);
    const what =
      place.phase === 'deserialization'
        ? `The record at offset ${place.offset} of "${place.topic}" partition ${place.partition} could not be decoded for ${place.handler}`
        : `${place.handler} failed on the record at offset ${place.offset} of "${place.topic}" partition ${place.partition}`;
    super(
      CODES[place.phase],
      `${what} (task ${place.taskId}): ${reason}. Nothing of it was committed. ` +
        `Fix it and restart, or set errors.${place.phase} to 'continue' or 'deadLetter'.`,
      { cause, details: { ...place } },
    );
  }
}
