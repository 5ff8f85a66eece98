/** Returns a foreign message as a part of a sentence: without its own full stop, for the sentence adds one. */
export function asClause(message: string): string {
  return message.replace(/\.?\s*$/, '');
}
