/** Estimated bytes of an entry beside its serialised value: objects, strings, a slot of the table. */
export const ENTRY_OVERHEAD_BYTES = 200;
/** Estimated bytes of a serialised key that is kept: a `Buffer`, and its part of a slab. */
export const KEPT_KEY_BYTES = 120;

/** One engine read. Settles when the values of its entries are known, or rejects with what the engine threw. */
export interface Load {
  done: Promise<void>;
}

/**
 * One key of the write-back buffer. An absent key is an entry too, with the value undefined. Clean entries hang in a list by age. Entries that are
 * dirty, part of a commit in flight, being loaded or pinned are in no list and cannot be evicted.
 */
export class BufferEntry<K, V> {
  /** Serialised when first needed, and dropped when the entry is evictable for the first time: most keys do not come again while they are buffered. */
  keyBytes: Uint8Array | undefined;
  /** Has been evictable before; serialised again, its key is kept. */
  wasClean = false;
  /** What the kept bytes of the key weigh. */
  keptKeyBytes = 0;
  isDirty = false;
  /** Read since it was last passed over for eviction. */
  wasUsed = false;
  /** No longer buffered; whoever kept a reference looks the key up again. */
  isDropped = false;
  /** Commits that hold this entry and are not applied yet. */
  inFlight = 0;
  /** What the last of these commits writes; null deletes. Undefined while there is none. */
  flying: Uint8Array | null | undefined;
  valueBytes = 0;
  /** The engine read that will tell the value; undefined once the value is known. */
  loading: Load | undefined;
  /** Readers that still need the entry. */
  pins = 0;
  older: BufferEntry<K, V> | undefined;
  newer: BufferEntry<K, V> | undefined;
  isListed = false;

  constructor(
    readonly id: unknown,
    readonly key: K,
    public value: V | undefined,
  ) {}

  get bytes(): number {
    return this.valueBytes + this.keptKeyBytes + ENTRY_OVERHEAD_BYTES;
  }

  get isKnown(): boolean {
    return this.loading === undefined && !this.isDropped;
  }

  get isEvictable(): boolean {
    return !this.isDirty && this.inFlight === 0 && this.pins === 0 && this.isKnown;
  }
}

/** Clean entries by age, evicted by the second-chance rule. */
export class AgeList<K, V> {
  private oldest: BufferEntry<K, V> | undefined;
  private newest: BufferEntry<K, V> | undefined;

  push(entry: BufferEntry<K, V>): void {
    entry.isListed = true;
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  remove(entry: BufferEntry<K, V>): void {
    if (!entry.isListed) return;
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    entry.isListed = false;
  }

  /** An entry that was used gets a second chance: a mark at each read is cheaper than a move in the list (bench `store`, cached/map). */
  takeOldest(): BufferEntry<K, V> | undefined {
    for (;;) {
      const { oldest } = this;
      if (oldest === undefined) return undefined;
      this.remove(oldest);
      if (!oldest.wasUsed) return oldest;
      oldest.wasUsed = false;
      this.push(oldest);
    }
  }

  clear(): void {
    this.oldest = undefined;
    this.newest = undefined;
  }
}
