import { StreamsError, type ErrorDetails } from './streams-error.js';

/**
 * What the caller may do next:
 * - `retriable`: the same call may succeed later;
 * - `abortable`: abort the transaction, rewind, go on;
 * - `fenced`: another producer took over this transactional id, or another member this instance id;
 * - `migrated`: the group has moved on to another generation: drop the tasks as lost and rejoin;
 * - `refused`: the records of one topic are not taken, whatever the time; drop the work that wrote them;
 * - `out-of-range`: the position lies outside the partition;
 * - `fatal`: stop.
 */
export type LogErrorKind = 'retriable' | 'abortable' | 'fenced' | 'migrated' | 'refused' | 'out-of-range' | 'fatal';

/** An error of the log port; adapters convert theirs to this one. */
export class LogError extends StreamsError {
  override readonly name = 'LogError';

  constructor(
    readonly kind: LogErrorKind,
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(code, message, options);
  }
}
