/** The message of an error, for log lines, headers and other messages. It never quotes data: messages of `JSON.parse` become a position. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isJsonError(error) ? jsonReason(error.message) : error.message;
}

/** The stack of an error, which begins with its message; as free of data as `reasonOf`. */
export function stackOf(error: Error): string | undefined {
  const { stack, message } = error;
  return isJsonError(error) ? stack?.replace(message, () => reasonOf(error)) : stack;
}

function isJsonError(error: Error): boolean {
  return error instanceof SyntaxError && error.message.includes('JSON');
}

/** Matches only at the end: the text that a message quotes may contain anything. */
function jsonReason(message: string): string {
  if (message === 'Unexpected end of JSON input') return 'the JSON text ends too early';
  const position = /JSON at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  return position === undefined ? 'the text is not JSON' : `the text is not JSON at position ${position}`;
}
