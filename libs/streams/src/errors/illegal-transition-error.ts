import { StreamsError } from './streams-error.js';

/** A state machine was asked for a step that its table does not have: a defect of this library. Recovery: none; report it. */
export class IllegalTransitionError extends StreamsError {
  override readonly name = 'IllegalTransitionError';

  constructor(
    readonly machine: string,
    readonly from: string,
    readonly to: string,
  ) {
    super(
      'STREAMS_ILLEGAL_TRANSITION',
      `${machine} cannot go from "${from}" to "${to}". This is a defect of nestjs-streams: please report it with the log before this line.`,
    );
  }
}
