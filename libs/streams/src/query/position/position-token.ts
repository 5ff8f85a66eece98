/**
 * Positions of several partitions, by which a later read can be told to be at least as fresh: `balances:3:1200,transactions@3:77` says that
 * partition 3 of the store "balances" has applied its changelog before offset 1200, and that the effects of the records of the topic
 * "transactions" before offset 77 of its partition 3 are visible. Two tokens merge by their greater offsets.
 */
export class PositionToken {
  static readonly none = new PositionToken(new Map());
  static readonly maxLength = 16_384;

  /** @param entries offsets by `store:partition` and `topic@partition`. */
  private constructor(private readonly entries: ReadonlyMap<string, number>) {}

  /** @returns undefined for what is no token. */
  static parse(text: string): PositionToken | undefined {
    if (text.length > PositionToken.maxLength) return undefined;
    const entries = new Map<string, number>();
    for (const part of text.split(',')) {
      const match = /^([\w.-]+[:@]\d{1,9}):(\d{1,15})$/.exec(part.trim());
      if (!match) return undefined;
      entries.set(match[1], Math.max(entries.get(match[1]) ?? 0, Number(match[2])));
    }
    return new PositionToken(entries);
  }

  static ofStore(store: string, partition: number, offset: number): PositionToken {
    return new PositionToken(new Map([[`${store}:${partition}`, offset]]));
  }

  /** @param offset behind the record. */
  static ofTopic(topic: string, partition: number, offset: number): PositionToken {
    return new PositionToken(new Map([[`${topic}@${partition}`, offset]]));
  }

  static merge(tokens: Iterable<PositionToken>): PositionToken {
    const entries = new Map<string, number>();
    for (const token of tokens)
      for (const [key, offset] of token.entries) entries.set(key, Math.max(entries.get(key) ?? 0, offset));
    return new PositionToken(entries);
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /** Whether any partition of the store or topic is named. */
  names(what: { readonly store?: string; readonly topic?: string }): boolean {
    const prefix = what.store === undefined ? `${what.topic}@` : `${what.store}:`;
    for (const key of this.entries.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  store(store: string, partition: number): number | undefined {
    return this.entries.get(`${store}:${partition}`);
  }

  topic(topic: string, partition: number): number | undefined {
    return this.entries.get(`${topic}@${partition}`);
  }

  toString(): string {
    return Array.from(this.entries, ([key, offset]) => `${key}:${offset}`).join(',');
  }
}
