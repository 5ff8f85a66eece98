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

export function mergePositions(a: Position, b: Position): Position {
  const merged = new Map(a);
  for (const [key, offset] of b) merged.set(key, Math.max(merged.get(key) ?? 0, offset));
  return merged;
}

/** What of it says something of a store: its own partitions, and all topics, since the client does not know which of them feed it. */
export function positionFor(store: string, position: Position): string {
  const prefix = `${store}:`;
  return Array.from(position, ([key, offset]) => `${key}:${offset}`)
    .filter((part) => part.startsWith(prefix) || /@\d+:\d+$/.test(part))
    .join(',');
}
