import { StreamsError } from './streams-error.js';

/** Another process took over this instance's id. Recovery: stop; two processes must not share an instance id. */
export class InstanceFencedError extends StreamsError {
  override readonly name = 'InstanceFencedError';

  constructor(
    readonly instanceId: string,
    options: { readonly cause?: unknown; readonly reason?: string } = {},
  ) {
    const reason = options.reason ?? `Another process joined with the instance id "${instanceId}", so this one stops`;
    super(
      'STREAMS_INSTANCE_FENCED',
      `${reason}. Give every instance an instanceId and a stateDir of its own.`,
      options,
    );
  }
}
