import type { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { keyRange } from '../../serdes/key-range.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { EngineView } from '../committed-view.js';
import type { BufferEntry } from './buffer-entry.js';
import { BufferedView } from './buffered-view.js';
import type { ChangeSink, CommittedView, PreparedCommit, StateStore, StoreCounts } from '../state-store.js';
import type { ChangelogPosition, KeyBounds, StoreEngine, StoreWrites } from '../store-engine.js';
import {
  attachStore,
  detachStore,
  KeyValueStore,
  type Awaitable,
  type KeyValueBacking,
  type KeyValueIterator,
} from './key-value-store.js';
import type { KeyPlace } from './key-place.js';
import type { WriteGate } from '../write-gate.js';
import { EntryCheck } from './entry-check.js';
import { isWithin } from './is-within.js';
import { MergedIterator, type BufferedEntry } from './merged-iterator.js';
import { WriteBackBuffer } from './write-back-buffer.js';

type Entry = BufferEntry<unknown, unknown>;

export interface BufferedKeyValueStoreOptions {
  readonly definition: StoreDefinition;
  readonly engine: StoreEngine;
  readonly freezeValues: boolean;
  /** Refuses writes while it is closed; absent: nothing is refused. */
  readonly gate?: WriteGate;
  /** Checks what is written. */
  readonly place?: KeyPlace | undefined;
  /** The typed object; absent: a plain `KeyValueStore`. */
  readonly facade?: object;
  /** A query found the store damaged. */
  readonly onDamage?: (error: StoreCorruptedError) => void;
}

/** A key-value store of a task: the typed object above, the write-back buffer in the middle, the engine below. */
export class BufferedKeyValueStore implements StateStore, KeyValueBacking<unknown, unknown> {
  readonly name: string;
  facade: object;
  changes = 0;
  readonly counts: StoreCounts = { get: 0, put: 0, delete: 0, range: 0, load: 0, write: 0, hits: 0 };
  private gate: WriteGate | undefined;
  private readonly engine: StoreEngine;
  private readonly place: KeyPlace | undefined;
  private readonly entries: EntryCheck;
  private readonly buffer: WriteBackBuffer<unknown, unknown>;
  private readonly iterators = new Set<KeyValueIterator<unknown, unknown>>();
  private changelogPosition: ChangelogPosition | undefined;
  private committed: EngineView;
  private writes = 0;
  /** Position of the commit that is being written; undefined while there is none, or records of the changelog are written. */
  private coming: ChangelogPosition | undefined;

  constructor(private readonly options: BufferedKeyValueStoreOptions) {
    const { definition, engine, freezeValues, facade = new KeyValueStore() } = options;
    this.name = definition.name;
    this.engine = engine;
    this.place = options.place;
    this.entries = new EntryCheck(definition, freezeValues);
    this.buffer = new WriteBackBuffer({
      key: definition.key,
      value: definition.value,
      engine,
      freezeValues,
      onLoad: (keys) => {
        this.counts.load += keys;
      },
    });
    this.committed = new EngineView(engine, options.onDamage);
    this.gate = options.gate;
    this.facade = facade;
    attachStore(facade, this);
  }

  get view(): CommittedView {
    return this.committed;
  }

  get uncommitted(): CommittedView {
    return new BufferedView(this.buffer, this.committed, this.options.definition);
  }

  succeed(gate: WriteGate, facade: object = new KeyValueStore()): void {
    detachStore(this.facade, (operation) => this.refusal(this.gate ?? gate, operation));
    this.gate = gate;
    this.facade = facade;
    attachStore(facade, this);
  }

  standing(): Awaitable<ChangelogPosition> {
    return this.writes === 0 ? (this.position ?? 0) : this.committed.position();
  }

  positionOf(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | undefined)[],
    since: ChangelogPosition,
  ): ChangelogPosition | undefined {
    if ((this.position ?? 0) !== since) return undefined;
    if (this.writes === 0) return since;
    if (this.coming === undefined) return undefined;
    let isThere: boolean | undefined;
    for (let i = 0; i < keys.length; i++) {
      const flying = this.buffer.flying(this.options.definition.key.deserialize(keys[i]));
      if (flying === undefined) continue;
      const isOfCommit = isSame(flying ?? undefined, values[i]);
      // A commit may write what was there before.
      if (isThere !== undefined && isThere !== isOfCommit) return undefined;
      isThere = isOfCommit;
    }
    return isThere === true ? this.coming : since;
  }

  get position(): ChangelogPosition | undefined {
    return this.changelogPosition;
  }

  get dirtyBytes(): number {
    return this.buffer.dirtyBytes;
  }

  get bufferedBytes(): number {
    return this.buffer.bufferedBytes;
  }

  async open(): Promise<void> {
    this.changelogPosition = await this.engine.open();
  }

  prefetch(keys: readonly unknown[], pins: unknown[]): Promise<void> | undefined {
    return this.buffer.prefetch(keys, pins as (Entry | undefined)[]);
  }

  hint(key: unknown, pin: unknown): void {
    this.buffer.hint(key, pin as Entry | undefined);
  }

  release(pin: unknown): void {
    this.buffer.release(pin as Entry);
  }

  setBufferLimit(maxBytes: number): void {
    this.buffer.limit(maxBytes);
  }

  prepareCommit(sink: ChangeSink, breathe?: () => Promise<void> | undefined): Promise<PreparedCommit> {
    return this.buffer.prepareCommit(sink, breathe);
  }

  async applyCommit(
    commit: PreparedCommit,
    position: ChangelogPosition,
    breathe?: () => Promise<void> | undefined,
  ): Promise<void> {
    this.coming = position;
    try {
      await this.write(commit.writes, position, breathe);
    } finally {
      this.coming = undefined;
    }
    this.counts.write += commit.writes.keys.length;
    this.buffer.applied(commit);
  }

  discard(): void {
    this.buffer.discard();
  }

  async restore(writes: StoreWrites, position: ChangelogPosition): Promise<void> {
    await this.write(writes, position);
  }

  releaseIterators(): number {
    const left = this.iterators.size;
    // What an engine says on closing a cursor that nobody reads any more helps nobody.
    for (const iterator of this.iterators) void (iterator as MergedIterator<unknown, unknown>).close().catch(() => {});
    return left;
  }

  approximateEntries(): Promise<number> {
    return this.engine.approximateEntries();
  }

  approximateBytes(): Promise<number> {
    return this.engine.approximateBytes();
  }

  async close(): Promise<void> {
    this.releaseIterators();
    this.buffer.discard();
    await this.engine.close();
  }

  async wipe(): Promise<void> {
    this.releaseIterators();
    this.buffer.discard();
    this.changelogPosition = undefined;
    // Whoever reads through the view of before has read something else.
    this.committed = new EngineView(this.engine, this.options.onDamage);
    await this.engine.destroy();
  }

  get(key: unknown): Awaitable<unknown> {
    this.counts.get++;
    const entry = this.buffer.find(key);
    if (entry !== undefined) {
      this.counts.hits++;
      return entry.value;
    }
    return this.fetch(key);
  }

  getMany(keys: readonly unknown[]): Awaitable<unknown[]> {
    const pins: Entry[] = [];
    const loading = this.buffer.pin(keys, pins);
    if (loading !== undefined) return this.fetchAll(keys, pins, loading);
    const values = pins.map((entry) => entry.value);
    for (const entry of pins) this.buffer.release(entry);
    return values;
  }

  put(key: unknown, value: unknown): void {
    this.requireUnit('put');
    this.entries.key(key);
    this.entries.value(value);
    this.place?.check(key);
    this.counts.put++;
    this.changes++;
    this.buffer.put(key, value);
  }

  putIfAbsent(key: unknown, value: unknown): Awaitable<unknown> {
    this.entries.key(key);
    this.entries.value(value);
    const entry = this.buffer.find(key);
    if (entry === undefined) return this.putUnlessStored(key, value);
    return this.putUnless(entry.value, key, value);
  }

  delete(key: unknown): Awaitable<unknown> {
    this.requireUnit('delete');
    this.entries.key(key);
    this.counts.delete++;
    this.changes++;
    const entry = this.buffer.find(key);
    const before = entry === undefined ? this.readDeleted(key) : entry.value;
    this.buffer.put(key, undefined);
    return before;
  }

  scan(bounds: KeyBounds, reverse: boolean): KeyValueIterator<unknown, unknown> {
    this.counts.range++;
    const buffered: BufferedEntry<unknown>[] = [];
    for (const { key, entry } of this.buffer.unapplied())
      if (isWithin(key, bounds)) buffered.push({ key, value: entry.value });
    buffered.sort((a, b) => (reverse ? Buffer.compare(b.key, a.key) : Buffer.compare(a.key, b.key)));
    const cursor = this.engine.openCursor(bounds, { reverse });
    const iterator = new MergedIterator(buffered, cursor, this.options.definition, reverse, (closed) =>
      this.iterators.delete(closed),
    );
    this.iterators.add(iterator);
    return iterator;
  }

  keyBytes(key: unknown): Uint8Array {
    return this.options.definition.key.serialize(key);
  }

  keyRange(from: unknown, to: unknown): KeyBounds {
    return keyRange(this.options.definition.key, from, to);
  }

  approximateNumEntries(): Promise<number> {
    return this.engine.approximateEntries();
  }

  private async write(
    writes: StoreWrites,
    position: ChangelogPosition,
    breathe?: () => Promise<void> | undefined,
  ): Promise<void> {
    this.writes++;
    try {
      await this.engine.write(writes, position, breathe);
      this.changelogPosition = position;
    } finally {
      this.writes--;
    }
  }

  /** @throws LateWorkError outside the handling of a record. */
  private requireUnit(operation: string): void {
    const { gate } = this;
    if (gate !== undefined && !gate.isOpen) throw this.refusal(gate, operation);
  }

  private refusal(gate: WriteGate, operation: string): Error {
    return gate.refusal(`${operation} on the store "${this.name}"`);
  }

  /** Another call may have put the key since it was read. */
  private buffered(key: unknown, read: unknown): unknown {
    const entry = this.buffer.find(key);
    return entry === undefined ? read : entry.value;
  }

  private async putUnlessStored(key: unknown, value: unknown): Promise<unknown> {
    const { gate } = this;
    const before = await this.fetch(key);
    // The handler that asked may have been given up meanwhile.
    if (gate !== undefined && gate !== this.gate) throw this.refusal(gate, 'putIfAbsent');
    return this.putUnless(this.buffered(key, before), key, value);
  }

  private putUnless(before: unknown, key: unknown, value: unknown): unknown {
    if (before === undefined) this.put(key, value);
    return before;
  }

  private async fetch(key: unknown): Promise<unknown> {
    const pins: Entry[] = [];
    const loading = this.buffer.pin([key], pins);
    const [value] = await this.fetchAll([key], pins, loading);
    return value;
  }

  private async fetchAll(keys: readonly unknown[], pins: Entry[], loading: Promise<void> | undefined) {
    try {
      await loading;
      const values = new Array<unknown>(keys.length);
      for (let i = 0; i < keys.length; i++)
        values[i] = pins[i].isKnown ? pins[i].value : await this.readEngine(keys[i]);
      return values;
    } finally {
      for (const entry of pins) this.buffer.release(entry);
    }
  }

  /** Nobody may wait for it, so that it tells of damage by itself. */
  private readDeleted(key: unknown): Promise<unknown> {
    const { committed } = this;
    const before = this.readEngine(key);
    before.catch((error: unknown) => committed.met(error));
    return before;
  }

  private async readEngine(key: unknown): Promise<unknown> {
    const { key: keySerde, value } = this.options.definition;
    const [bytes] = await this.engine.getMany([keySerde.serialize(key)]);
    return bytes === undefined ? undefined : value.deserialize(bytes);
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
