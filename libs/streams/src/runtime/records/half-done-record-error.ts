import type { BadRecord } from '../../config/bad-record-policy.js';

/**
 * A handler failed after it had changed stores or sent records. What it did cannot be taken out of the work of the records around it, so all
 * of that is dropped and done again without this record, whose policy is asked then. Never leaves the runtime.
 */
export class HalfDoneRecordError extends Error {
  override readonly name = 'HalfDoneRecordError';

  constructor(readonly failure: BadRecord) {
    const { handler, topic, partition, offset } = failure;
    super(`${handler} failed half-way on the record at offset ${offset} of "${topic}" partition ${partition}.`);
  }
}
