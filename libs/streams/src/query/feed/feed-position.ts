/** Where a feed is: what `id` of an event holds and `Last-Event-ID` brings back. Any instance can go on from it. */
export interface FeedPosition {
  /** Everything that was written before has been told, in milliseconds since the epoch: deletions are kept only for so long. */
  readonly at: number;
  /** The next changelog offset by partition; undefined for partitions that the feed does not follow. */
  readonly offsets: readonly (number | undefined)[];
}

/** `<time>-<offset>.<offset>...`, in base 36. */
export function formatFeedPosition({ at, offsets }: FeedPosition): string {
  return `${at.toString(36)}-${offsets.map((offset) => offset?.toString(36) ?? '').join('.')}`;
}

/** @returns undefined for what is no position. */
export function parseFeedPosition(text: string): FeedPosition | undefined {
  const match = /^([0-9a-z]{1,9})-([0-9a-z.]*)$/.exec(text);
  if (!match) return undefined;
  const offsets = match[2].split('.').map((part) => (part === '' ? undefined : Number.parseInt(part, 36)));
  const isValid = offsets.every((offset) => offset === undefined || Number.isSafeInteger(offset));
  return isValid && match[2] !== '' ? { at: Number.parseInt(match[1], 36), offsets } : undefined;
}
