/** Extra fields that an error carries beside its message; they appear as own properties in logs and problem documents. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Messages quote those of brokers and of other errors, which often end in a full stop of their own. An ellipsis stays. */
const DOUBLE_STOP = /([^.\s])\.\s*\.(?=\s|$)/g;

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
    super(message.replace(DOUBLE_STOP, '$1.'), options.cause === undefined ? undefined : { cause: options.cause });
    if (options.details) Object.assign(this, options.details);
  }
}
