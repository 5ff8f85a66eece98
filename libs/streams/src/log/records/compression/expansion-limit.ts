/** Thrown by a codec before it allocates more than the caller allows. */
export class ExpansionLimitError extends Error {
  override readonly name = 'ExpansionLimitError';

  constructor(readonly maxBytes: number) {
    super(`it decompresses to more than ${maxBytes} bytes`);
  }
}

/** @throws ExpansionLimitError if `bytes` are more than `maxBytes`. */
export function checkExpansion(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new ExpansionLimitError(maxBytes);
}
