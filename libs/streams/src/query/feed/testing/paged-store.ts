import { isWithin } from '../../../stores/key-value/is-within.js';
import type { EntriesAnswer, PartitionReads } from '../../reads/partition-reads.js';
import type { FeedWorld } from './feed-world.js';

/** The stores that a changelog belongs to, as their owners answer for them. */
export class PagedStore {
  /** Called before each page, with how many were read before it. */
  onPage: (pages: number) => Promise<void> | void = () => {};
  private readonly partitions: { readonly entries: Map<string, string>; written: number }[];
  private pages = 0;

  constructor(
    private readonly world: FeedWorld,
    private readonly pageEntries: number,
  ) {
    this.partitions = world.partitions.map(() => ({ entries: new Map(), written: 0 }));
  }

  /** Of all partitions. */
  get entries(): Map<string, string> {
    return new Map(this.partitions.flatMap(({ entries }) => [...entries]));
  }

  /** @param value null deletes. */
  async put(key: string, value: string | null, partition = 0): Promise<void> {
    const store = this.partitions[partition];
    await this.world.put(key, value, partition);
    if (value === null) store.entries.delete(key);
    else store.entries.set(key, value);
    store.written++;
  }

  readonly scan: PartitionReads['scan'] = async ({ partition }, { range }) => {
    await this.onPage(this.pages++);
    const { entries, written } = this.partitions[partition];
    const within = [...entries.keys()]
      .sort()
      .map((key) => Buffer.from(key))
      .filter((key) => isWithin(key, range));
    const keys = within.slice(0, this.pageEntries);
    return {
      keys,
      values: keys.map((key) => Buffer.from(entries.get(key.toString())!)),
      ...(within.length > keys.length && { lookedAt: keys.at(-1)! }),
      freshness: { position: written } as EntriesAnswer['freshness'],
    };
  };
}
