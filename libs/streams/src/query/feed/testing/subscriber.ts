import { setImmediate as turn } from 'node:timers/promises';
import type { FeedEvent } from '../store-feed.js';

/** Reads a feed as fast as it is told to. */
export class Subscriber {
  /** The values of the changes, by partition. */
  readonly told: string[][];

  constructor(
    private readonly events: AsyncGenerator<FeedEvent>,
    private readonly ending: AbortController,
    partitionCount: number,
  ) {
    this.told = Array.from({ length: partitionCount }, () => []);
  }

  get count(): number {
    return this.told.reduce((sum, { length }) => sum + length, 0);
  }

  /** Reads until `count` changes were told in all. @param turns of the event loop that are let pass before each. */
  async readTo(count: number, turns = 0): Promise<void> {
    while (this.count < count) {
      for (let i = 0; i < turns; i++) await turn();
      const { done, value } = await this.events.next();
      if (done) throw new Error(`The feed ended after ${this.count} changes.`);
      if (value.type !== 'change') continue;
      const key = Buffer.from(value.key).toString();
      this.told[Number(key.split('.')[0])].push(key);
    }
  }

  /** The next event, whatever it is. */
  async next(): Promise<FeedEvent | undefined> {
    const { value } = await this.events.next();
    return value as FeedEvent | undefined;
  }

  /** All events up to the first of this type. */
  async until(type: FeedEvent['type']): Promise<FeedEvent[]> {
    const events: FeedEvent[] = [];
    while (events.at(-1)?.type !== type) {
      const { done, value } = await this.events.next();
      if (done) throw new Error(`The feed ended without "${type}".`);
      events.push(value);
    }
    return events;
  }

  /** What its client does by going away. */
  abort(): void {
    this.ending.abort();
  }

  async close(): Promise<void> {
    this.abort();
    await this.events.return(undefined);
  }
}
