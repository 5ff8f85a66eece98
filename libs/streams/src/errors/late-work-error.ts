import { StreamsError } from './streams-error.js';

/** A handler used a store or its context after it had returned, outside any unit of work that a commit covers. Recovery: await what the handler starts. */
export class LateWorkError extends StreamsError {
  override readonly name = 'LateWorkError';

  constructor(
    /** The refused call, for example `put on the store "counts"`. */
    readonly operation: string,
    readonly taskId: string,
    /** The handler that ran last in the task; the one that is to blame unless several run there. */
    readonly handler: string,
    /** The handler was given up after `handlerTimeout`. */
    isAbandoned = false,
  ) {
    super(
      'STREAMS_LATE_WORK',
      isAbandoned
        ? `Refused ${operation} of task ${taskId}: ${handler} took longer than the option "handlerTimeout" and was given up, so no commit would cover it.`
        : `Refused ${operation} of task ${taskId}: no record is being handled, so no commit would cover it. ` +
            `${handler === '' ? 'No handler has run there yet' : `The last handler there was ${handler}`}. ` +
            `Await everything that a handler starts before it returns; for work at other times write in onFlush, or send a record with RecordProducer to a topic that a handler reads.`,
    );
  }
}
