import { bufferOf } from '../../bytes/buffer-of.js';
import type { Serde } from '../../serdes/serde.js';
import type { PreparedCommit, ChangeSink } from '../state-store.js';
import type { StoreEngine } from '../store-engine.js';
import { AgeList, BufferEntry, KEPT_KEY_BYTES, type Load } from './buffer-entry.js';
import { deepFreeze } from './deep-freeze.js';

export interface WriteBackBufferOptions<K, V> {
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  readonly engine: StoreEngine;
  readonly freezeValues: boolean;
  /** Told how many keys one engine read asks for. */
  readonly onLoad?: (keys: number) => void;
}

/** Entries of a commit between two looks at the time. */
const BREATHE_EVERY = 128;
/** One engine read aims at this many bytes of values. */
const LOAD_BYTES = 1024 * 1024;
/** Keys of the first engine read, when nothing is known about the values. */
const FIRST_LOAD_KEYS = 64;
const MAX_LOAD_KEYS = 65_536;

/** A commit and the entries that it pinned. */
interface PreparedEntries<K, V> extends PreparedCommit {
  readonly entries: readonly BufferEntry<K, V>[];
  readonly epoch: number;
}

/**
 * Typed entries above an engine: those changed since the last commit, those of a commit in flight, and a bounded set of clean ones, of which those that
 * were not read lately go first. Every key is serialised once a commit, not once a put. A read pins its entries, so that what was loaded for a record
 * is still there when the record's turn comes.
 */
export class WriteBackBuffer<K, V> {
  private entries = new Map<unknown, BufferEntry<K, V>>();
  private dirty: BufferEntry<K, V>[] = [];
  private readonly clean = new AgeList<K, V>();
  private bytes = 0;
  private pinnedBytes = 0;
  private loadKeys = FIRST_LOAD_KEYS;
  private dirtySize = 0;
  private maxBytes = Infinity;
  private epoch = 0;
  private hintedKey: unknown;
  private hinted: BufferEntry<K, V> | undefined;
  /** What an entry that was never serialised is taken to weigh. */
  private typicalValueBytes = 100;

  constructor(private readonly options: WriteBackBufferOptions<K, V>) {}

  get dirtyBytes(): number {
    return this.dirtySize;
  }

  get bufferedBytes(): number {
    return this.bytes;
  }

  limit(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.evict();
  }

  /** Hot path (bench `store`, cached/map). @returns the entry if its value is known, also for a key that is known to be absent. */
  find(key: K): BufferEntry<K, V> | undefined {
    const entry = this.hintFor(key) ?? this.entries.get(idOf(key, this.options.key));
    if (entry === undefined || entry.loading !== undefined) return undefined;
    entry.wasUsed = true;
    return entry;
  }

  /** For readers beside the task, who do not count as its use of the entry. @returns only what the engine does not show yet. */
  peek(key: K): BufferEntry<K, V> | undefined {
    const entry = this.entries.get(idOf(key, this.options.key));
    return entry !== undefined && (entry.isDirty || entry.inFlight > 0) ? entry : undefined;
  }

  /** What the commit in flight makes of a key, null for a deletion; undefined if it does not touch it. */
  flying(key: K): Uint8Array | null | undefined {
    return this.entries.get(idOf(key, this.options.key))?.flying;
  }

  /** Sets the value, or deletes with undefined. */
  put(key: K, value: V | undefined): void {
    const id = idOf(key, this.options.key);
    if (this.options.freezeValues) deepFreeze(value);
    let entry = this.hintFor(key) ?? this.entries.get(id);
    if (entry === undefined) {
      entry = new BufferEntry<K, V>(id, key, value);
      entry.valueBytes = this.typicalValueBytes;
      this.entries.set(id, entry);
      this.bytes += entry.bytes;
      if (this.bytes > this.maxBytes) this.evict();
    } else {
      entry.value = value;
      // What a read under way finds is older than this.
      entry.loading = undefined;
      this.clean.remove(entry);
    }
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.dirty.push(entry);
    this.dirtySize += entry.bytes;
  }

  /** Says where the entry of the key that will be asked for next is; spares the look-up of a key that is not in the processor's cache (bench `process`). */
  hint(key: K, entry: BufferEntry<K, V> | undefined): void {
    this.hintedKey = key;
    // A key that is an object may have changed since, and 0 equals -0.
    this.hinted = typeof key === 'object' || key === 0 ? undefined : entry;
  }

  /**
   * Pins the entries of `keys` and loads those that are not buffered. Each pin is given back with `release`.
   * @param pins takes the entries, by index. After the load, an entry that `isDropped` is not known: the engine has to be asked for it.
   * @returns undefined if nothing has to be waited for. @throws what the serde throws for a key; nothing is pinned then.
   */
  pin(keys: readonly K[], pins: BufferEntry<K, V>[]): Promise<void> | undefined {
    try {
      return this.pinAll(keys, pins, Infinity, false);
    } catch (error) {
      for (const entry of pins) this.release(entry);
      throw error;
    }
  }

  /**
   * As `pin`, for reads that are expected: skips keys that are undefined or that the serde refuses, and stops at the limit of the buffer.
   * @param pins takes the pinned entries, by index.
   */
  prefetch(keys: readonly (K | undefined)[], pins: (BufferEntry<K, V> | undefined)[]): Promise<void> | undefined {
    return this.pinAll(keys, pins, this.maxBytes, true);
  }

  /** Gives back one pin. */
  release(entry: BufferEntry<K, V>): void {
    entry.pins--;
    if (entry.pins > 0 || entry.isDropped) return;
    this.pinnedBytes -= entry.bytes;
    this.retire(entry);
    if (this.bytes > this.maxBytes) this.evict();
  }

  /** @throws SerdeError for a value without bytes; nothing can be committed then, and the owner discards. */
  async prepareCommit(sink: ChangeSink, breathe?: () => Promise<void> | undefined): Promise<PreparedCommit> {
    const { dirty } = this;
    let serialised = 0;
    this.dirty = [];
    this.dirtySize = 0;
    const keys = new Array<Uint8Array>(dirty.length);
    const values = new Array<Uint8Array | null>(dirty.length);
    for (let i = 0; i < dirty.length; i++) {
      if (i % BREATHE_EVERY === BREATHE_EVERY - 1) await breathe?.();
      const entry = dirty[i];
      const keyBytes = this.keyOf(entry);
      const valueBytes = entry.value === undefined ? null : this.options.value.serialize(entry.value);
      sink(keyBytes, valueBytes);
      keys[i] = keyBytes;
      values[i] = valueBytes;
      if (entry.wasClean) this.resize(entry, valueBytes?.length ?? 0, KEPT_KEY_BYTES);
      else this.resize(entry, valueBytes?.length ?? 0);
      serialised += entry.valueBytes;
      entry.isDirty = false;
      entry.inFlight++;
      entry.flying = valueBytes;
    }
    if (dirty.length > 0) this.typicalValueBytes = Math.ceil(serialised / dirty.length);
    const prepared: PreparedEntries<K, V> = { writes: { keys, values }, entries: dirty, epoch: this.epoch };
    return prepared;
  }

  /** The engine has this commit: its entries may be evicted unless they were changed again. */
  applied(commit: PreparedCommit): void {
    const { entries, epoch } = commit as PreparedEntries<K, V>;
    if (epoch !== this.epoch) return;
    for (const entry of entries) {
      entry.inFlight--;
      if (entry.inFlight > 0) continue;
      entry.flying = undefined;
      this.retire(entry);
    }
    this.evict();
  }

  /** Forgets everything, reads under way included. */
  discard(): void {
    this.epoch++;
    for (const entry of this.entries.values()) entry.isDropped = true;
    this.entries = new Map();
    this.dirty = [];
    this.clean.clear();
    this.bytes = 0;
    this.pinnedBytes = 0;
    this.dirtySize = 0;
  }

  /** Entries that the engine does not show yet, by key bytes: what a scan has to merge in. */
  unapplied(): { readonly key: Uint8Array; readonly entry: BufferEntry<K, V> }[] {
    const found: { key: Uint8Array; entry: BufferEntry<K, V> }[] = [];
    for (const entry of this.entries.values()) {
      if (!entry.isDirty && entry.inFlight === 0) continue;
      found.push({ key: this.keyOf(entry), entry });
    }
    return found;
  }

  private keyOf(entry: BufferEntry<K, V>): Uint8Array {
    const { id, key } = entry;
    // A key that is an object may have changed since; its id has not.
    return (entry.keyBytes ??= typeof key === 'object' ? bytesOfId(id as string) : this.options.key.serialize(key));
  }

  private hintFor(key: K): BufferEntry<K, V> | undefined {
    const { hinted } = this;
    return hinted !== undefined && key === this.hintedKey && !hinted.isDropped ? hinted : undefined;
  }

  /** @param maxPinnedBytes beyond this the rest is left out. @param skipsRefused leaves out keys that are undefined or that the serde refuses. */
  private pinAll(
    keys: readonly (K | undefined)[],
    pins: (BufferEntry<K, V> | undefined)[],
    maxPinnedBytes: number,
    skipsRefused: boolean,
  ): Promise<void> | undefined {
    const missing: BufferEntry<K, V>[] = [];
    let load: Load | undefined;
    let joined: Set<Promise<void>> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (this.pinnedBytes > maxPinnedBytes || (skipsRefused && key === undefined)) continue;
      const known = missing.length;
      let entry: BufferEntry<K, V>;
      try {
        entry = this.existingOrCreated(key as K, missing);
      } catch (error) {
        if (skipsRefused) continue;
        for (const created of missing) this.drop(created);
        throw error;
      }
      if (missing.length > known) entry.loading = load ??= { done: Promise.resolve() };
      if (entry.loading === undefined) this.clean.remove(entry);
      else if (entry.loading !== load) (joined ??= new Set()).add(entry.loading.done);
      pins[i] = this.pinned(entry);
    }
    if (load !== undefined) load.done = this.read(load, missing, maxPinnedBytes);
    const own = load?.done;
    if (joined === undefined) return own;
    return Promise.all(own ? [...joined, own] : joined).then(() => undefined);
  }

  private pinned(entry: BufferEntry<K, V>): BufferEntry<K, V> {
    if (entry.pins++ === 0) this.pinnedBytes += entry.bytes;
    return entry;
  }

  /** @param created takes an entry that was not buffered; its value is not known. @throws what the serde throws for the key. */
  private existingOrCreated(key: K, created: BufferEntry<K, V>[]): BufferEntry<K, V> {
    const id = idOf(key, this.options.key);
    const existing = this.entries.get(id);
    if (existing !== undefined) return existing;
    const entry = new BufferEntry<K, V>(id, key, undefined);
    this.keyOf(entry);
    entry.valueBytes = this.typicalValueBytes;
    this.entries.set(id, entry);
    this.bytes += entry.bytes;
    created.push(entry);
    return entry;
  }

  /** Loads in slices, so that no engine read holds much more than `LOAD_BYTES`. */
  private async read(load: Load, entries: readonly BufferEntry<K, V>[], maxPinnedBytes: number): Promise<void> {
    let from = 0;
    try {
      while (from < entries.length) {
        if (from > 0 && this.pinnedBytes > maxPinnedBytes) return;
        const slice = entries.slice(from, from + this.loadKeys);
        this.options.onLoad?.(slice.length);
        const values = await this.options.engine.getMany(slice.map((entry) => this.keyOf(entry)));
        let bytes = 0;
        for (let i = 0; i < slice.length; i++) {
          bytes += values[i]?.length ?? 0;
          this.loaded(load, slice[i], values[i]);
        }
        from += slice.length;
        this.adjustLoad(slice.length, bytes);
      }
    } finally {
      for (const entry of entries) if (entry.loading === load) this.drop(entry);
      this.evict();
    }
  }

  private adjustLoad(keys: number, bytes: number): void {
    if (bytes > LOAD_BYTES) this.loadKeys = Math.max(1, Math.floor((keys * LOAD_BYTES) / bytes));
    else if (keys === this.loadKeys && bytes * 2 < LOAD_BYTES)
      this.loadKeys = Math.min(MAX_LOAD_KEYS, this.loadKeys * 2);
  }

  private loaded(load: Load, entry: BufferEntry<K, V>, bytes: Uint8Array | undefined): void {
    if (entry.loading !== load || entry.isDropped) return;
    try {
      entry.value = bytes === undefined ? undefined : this.options.value.deserialize(bytes);
    } catch {
      // Whoever reads the key asks the engine, and meets what the serde throws.
      return this.drop(entry);
    }
    entry.loading = undefined;
    if (this.options.freezeValues) deepFreeze(entry.value);
    this.resize(entry, bytes?.length ?? 0);
    this.retire(entry);
  }

  /** Lets the entry be evicted if nobody needs it. */
  private retire(entry: BufferEntry<K, V>): void {
    if (!entry.isEvictable || entry.isListed) return;
    if (!entry.wasClean) {
      entry.wasClean = true;
      // A key that is an object may have changed since, and would give other bytes.
      if (entry.id === entry.key) entry.keyBytes = undefined;
    }
    this.clean.push(entry);
  }

  private drop(entry: BufferEntry<K, V>): void {
    if (entry.isDropped) return;
    this.entries.delete(entry.id);
    entry.isDropped = true;
    this.bytes -= entry.bytes;
    if (entry.pins > 0) this.pinnedBytes -= entry.bytes;
  }

  private resize(entry: BufferEntry<K, V>, valueBytes: number, keptKeyBytes = entry.keptKeyBytes): void {
    const growth = valueBytes - entry.valueBytes + keptKeyBytes - entry.keptKeyBytes;
    this.bytes += growth;
    if (entry.pins > 0) this.pinnedBytes += growth;
    entry.valueBytes = valueBytes;
    entry.keptKeyBytes = keptKeyBytes;
  }

  private evict(): void {
    while (this.bytes > this.maxBytes) {
      const entry = this.clean.takeOldest();
      if (entry === undefined) return;
      this.drop(entry);
    }
  }
}

const BYTES_MARK = '\0b';

/**
 * What a `Map` can tell keys apart by: a primitive itself, otherwise the text of its bytes. Ids that are not the key begin with a NUL, and so does the id of
 * a text that begins with one: in a `json` store, a text and an object may look alike.
 */
function idOf<K>(key: K, serde: Serde<K>): unknown {
  if (typeof key === 'string') return key.charCodeAt(0) === 0 ? `\0t${key}` : key;
  if (typeof key === 'number') return Object.is(key, -0) ? idOfMinusZero(key, serde) : key;
  if (typeof key === 'bigint' || typeof key === 'boolean') return key;
  return `${BYTES_MARK}${bufferOf(serde.serialize(key)).toString('latin1')}`;
}

function bytesOfId(id: string): Uint8Array {
  return Buffer.from(id.slice(BYTES_MARK.length), 'latin1');
}

/** A `Map` takes -0 for 0; some serdes do not. */
function idOfMinusZero<K>(key: K, serde: Serde<K>): unknown {
  return Object.is(serde.deserialize(serde.serialize(key)), -0) ? '\0-0' : 0;
}
