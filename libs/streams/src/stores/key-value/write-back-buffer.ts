import { bufferOf } from '../../bytes/buffer-of.js';
import type { Serde } from '../../serdes/serde.js';
import type { PreparedCommit, ChangeSink } from '../state-store.js';
import type { StoreEngine } from '../store-engine.js';
import { AgeList, BufferEntry } from './buffer-entry.js';
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

/** A commit and the entries that it pinned. */
interface PreparedEntries<K, V> extends PreparedCommit {
  readonly entries: readonly BufferEntry<K, V>[];
  readonly epoch: number;
}

/** An engine read under way. Whoever changes the key meanwhile takes it out of `wanted`: what is read for it then is old. */
interface Load<K> {
  readonly wanted: Map<unknown, K>;
  readonly done: Promise<void>;
}

/**
 * Typed entries above an engine: those changed since the last commit, those of a commit in flight, and a bounded set of clean ones, of which those that
 * were not read lately go first. Every key is serialised once a commit, not once a put.
 */
export class WriteBackBuffer<K, V> {
  private entries = new Map<unknown, BufferEntry<K, V>>();
  private dirty: BufferEntry<K, V>[] = [];
  private readonly clean = new AgeList<K, V>();
  private loads: Load<K>[] = [];
  private bytes = 0;
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

  /** Hot path (bench `store`, cached/map). @returns the entry if it is buffered, also for a key that is known to be absent. */
  find(key: K): BufferEntry<K, V> | undefined {
    const entry = this.hintFor(key) ?? this.entries.get(idOf(key, this.options.key));
    if (entry !== undefined) entry.wasUsed = true;
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
    for (let i = 0; i < this.loads.length; i++) this.loads[i].wanted.delete(id);
    let entry = this.hintFor(key) ?? this.entries.get(id);
    if (entry === undefined) {
      entry = new BufferEntry<K, V>(id, key, value);
      entry.valueBytes = this.typicalValueBytes;
      this.entries.set(id, entry);
      this.bytes += entry.bytes;
      if (this.bytes > this.maxBytes) this.evict();
    } else {
      entry.value = value;
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
    this.hinted = entry;
  }

  /** Loads what is not buffered with one engine read; undefined if nothing is missing. @param found takes the entries that are buffered, by index. */
  load(keys: readonly K[], found?: (BufferEntry<K, V> | undefined)[]): Promise<void> | undefined {
    let missing: Map<unknown, K> | undefined;
    let joined: Set<Promise<void>> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const id = idOf(key, this.options.key);
      const buffered = this.entries.get(id);
      if (buffered !== undefined) {
        if (found !== undefined) found[i] = buffered;
        continue;
      }
      const under = this.loadOf(id);
      if (under !== undefined) (joined ??= new Set()).add(under.done);
      else (missing ??= new Map()).set(id, key);
    }
    const own = missing && this.read(missing);
    if (joined === undefined) return own;
    return Promise.all(own ? [...joined, own] : joined).then(() => undefined);
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
      const keyBytes = (entry.keyBytes ??= this.options.key.serialize(entry.key));
      const valueBytes = entry.value === undefined ? null : this.options.value.serialize(entry.value);
      sink(keyBytes, valueBytes);
      keys[i] = keyBytes;
      values[i] = valueBytes;
      this.resize(entry, valueBytes?.length ?? 0);
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
      if (!entry.isDirty) this.clean.push(entry);
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
    for (const { wanted } of this.loads) wanted.clear();
    this.loads = [];
    this.bytes = 0;
    this.dirtySize = 0;
  }

  /** Entries that the engine does not show yet, by key bytes: what a scan has to merge in. */
  unapplied(): { readonly key: Uint8Array; readonly entry: BufferEntry<K, V> }[] {
    const found: { key: Uint8Array; entry: BufferEntry<K, V> }[] = [];
    for (const entry of this.entries.values()) {
      if (!entry.isDirty && entry.inFlight === 0) continue;
      entry.keyBytes ??= this.options.key.serialize(entry.key);
      found.push({ key: entry.keyBytes, entry });
    }
    return found;
  }

  private hintFor(key: K): BufferEntry<K, V> | undefined {
    const { hinted } = this;
    return hinted !== undefined && key === this.hintedKey && !hinted.isDropped ? hinted : undefined;
  }

  private read(wanted: Map<unknown, K>): Promise<void> {
    const ids = [...wanted.keys()];
    this.options.onLoad?.(ids.length);
    const bytes = Array.from(wanted.values(), (key) => this.options.key.serialize(key));
    const done = this.options.engine.getMany(bytes).then(
      (values) => {
        this.forget(load);
        for (let i = 0; i < ids.length; i++) this.loaded(load, ids[i], bytes[i], values[i]);
        this.evict();
      },
      (error: unknown) => {
        this.forget(load);
        throw error;
      },
    );
    const load: Load<K> = { wanted, done };
    this.loads.push(load);
    return done;
  }

  /** The read under way for a key. There are few at a time, and a map of all their keys would cost each key two look-ups (bench `store`, getMany/raw). */
  private loadOf(id: unknown): Load<K> | undefined {
    for (let i = 0; i < this.loads.length; i++) if (this.loads[i].wanted.has(id)) return this.loads[i];
    return undefined;
  }

  private forget(load: Load<K>): void {
    const index = this.loads.indexOf(load);
    if (index >= 0) this.loads.splice(index, 1);
  }

  private loaded(load: Load<K>, id: unknown, keyBytes: Uint8Array, bytes: Uint8Array | undefined): void {
    if (!load.wanted.has(id) || this.entries.has(id)) return;
    const key = load.wanted.get(id);
    const value = bytes === undefined ? undefined : this.options.value.deserialize(bytes);
    if (this.options.freezeValues) deepFreeze(value);
    const entry = new BufferEntry<K, V>(id, key as K, value);
    entry.keyBytes = keyBytes;
    entry.valueBytes = bytes?.length ?? 0;
    this.entries.set(id, entry);
    this.bytes += entry.bytes;
    this.clean.push(entry);
  }

  private resize(entry: BufferEntry<K, V>, valueBytes: number): void {
    this.bytes += valueBytes - entry.valueBytes;
    entry.valueBytes = valueBytes;
  }

  private evict(): void {
    while (this.bytes > this.maxBytes) {
      const entry = this.clean.takeOldest();
      if (entry === undefined) return;
      this.entries.delete(entry.id);
      entry.isDropped = true;
      this.bytes -= entry.bytes;
    }
  }
}

/** What a `Map` can tell keys apart by: the key itself where it is a primitive, otherwise the text of its bytes. */
function idOf<K>(key: K, serde: Serde<K>): unknown {
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean')
    return key;
  return bufferOf(serde.serialize(key)).toString('latin1');
}
