/** Extra fields that an error carries beside its message; they appear as own properties in logs and problem documents. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * Root of every error this library throws on purpose.
 *
 * `code` is stable and listed in `docs/reference/errors.md`; the message names what happened, with what, and what to do.
 */
export class StreamsError extends Error {
  override readonly name: string = 'StreamsError';

  constructor(
    readonly code: string,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (options.details) Object.assign(this, options.details);
  }
}
