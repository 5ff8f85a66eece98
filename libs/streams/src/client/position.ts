/** Offsets by `store:partition` and `topic@partition`; what `Streams-Position` holds. */
export type Position = ReadonlyMap<string, number>;

/** @returns nothing for what is no position. */
export function parsePosition(text: string | null): Position {
  const offsets = new Map<string, number>();
  for (const part of (text ?? '').split(',')) {
    const match = /^\s*([\w.-]+[:@]\d+):(\d+)\s*$/.exec(part);
    if (match) offsets.set(match[1], Math.max(offsets.get(match[1]) ?? 0, Number(match[2])));
  }
  return offsets;
}

/** Servers take 16 KiB of headers in all. */
const MAX_LENGTH = 8 * 1024;

/** @returns the later of both for each partition; those of `b` come last */
export function mergePositions(a: Position, b: Position): Position {
  const merged = new Map(a);
  for (const [key, offset] of b) {
    const known = merged.get(key) ?? 0;
    merged.delete(key);
    merged.set(key, Math.max(known, offset));
  }
  return merged;
}

/**
 * Returns the parts that concern a store: its own partitions, and all topics, since the client does not know which of them feed it. Where they do
 * not fit into a header, the last ones of `seen` are kept.
 * @param asked always a part of the result
 * @throws RangeError if `asked` alone does not fit
 */
export function positionFor(store: string, seen: Position, asked: Position): string {
  const concerns = (key: string): boolean => key.startsWith(`${store}:`) || key.includes('@');
  const required = Array.from(asked.keys()).filter(concerns).length;
  const parts: string[] = [];
  let length = 0;
  for (const [key, offset] of Array.from(mergePositions(seen, asked)).reverse()) {
    if (!concerns(key)) continue;
    const part = `${key}:${offset}`;
    length += part.length + 1;
    if (length > MAX_LENGTH) {
      if (parts.length >= required) break;
      throw new RangeError(`The position of a read has more than ${MAX_LENGTH} characters: name fewer partitions.`);
    }
    parts.push(part);
  }
  return parts.reverse().join(',');
}
