import { StreamsError } from './streams-error.js';

export type HandlerLimit = 'handlerTimeout' | 'transactionTimeout' | 'group.sessionTimeout';

export interface SlowRecordPlace {
  readonly handler: string;
  readonly taskId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * A handler took longer for a record than a time-out allows. `errors.processing` decides about the record. Recovery: make the handler faster, or
 * raise the option `limit`.
 */
export class HandlerTimeoutError extends StreamsError {
  override readonly name = 'HandlerTimeoutError';

  constructor(
    place: SlowRecordPlace,
    readonly limit: HandlerLimit,
    readonly limitMs: number,
    readonly tookMs: number,
    /** Time-outs of the record in a row. */
    readonly times: number,
  ) {
    super('STREAMS_HANDLER_TIMEOUT', describe(place, limit, limitMs, Math.round(tookMs), times), {
      details: { ...place, limit, limitMs, tookMs, times },
    });
  }
}

function describe(place: SlowRecordPlace, limit: HandlerLimit, limitMs: number, tookMs: number, times: number): string {
  const { handler, taskId, topic, partition, offset } = place;
  const where = `the record at offset ${offset} of "${topic}" partition ${partition} (task ${taskId})`;
  const often = times === 1 ? '' : `, ${times} times in a row`;
  switch (limit) {
    case 'handlerTimeout':
      return `${handler} did not finish ${where} within ${limitMs} ms, the option "handlerTimeout". The handler was given up: what it still does is refused.`;
    case 'transactionTimeout':
      return (
        `${handler} took ${tookMs} ms for ${where}${often}. The broker aborts a transaction after ${limitMs} ms, so the work was discarded. ` +
        `Make the handler faster, raise "transactionTimeout", or set "handlerTimeout".`
      );
    case 'group.sessionTimeout':
      return (
        `${handler} blocked the event loop for ${tookMs} ms with ${where}${often}. Without a heartbeat for ${limitMs} ms the group takes the tasks of an instance, so the work was discarded. ` +
        `Split the computation, move it to a worker thread, or raise "group.sessionTimeout".`
      );
  }
}
