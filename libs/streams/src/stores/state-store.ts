import type { Awaitable } from './key-value/key-value-store.js';
import type { WriteGate } from './write-gate.js';
import type { ChangelogPosition, CursorOptions, StoreCursor, KeyBounds, StoreWrites } from './store-engine.js';

/** Takes one change of a commit. Called once per key, in the order of first change; the bytes may be reused after the call only by the caller of `put`. */
export type ChangeSink = (key: Uint8Array, value: Uint8Array | null) => void;

/** Operations since the counters were last taken. */
export interface StoreCounts {
  get: number;
  put: number;
  delete: number;
  range: number;
  /** Keys read from the engine. */
  load: number;
  /** Entries written to the engine. */
  write: number;
  /** Gets answered by the buffer. */
  hits: number;
}

/** The dirty entries of one commit, serialised: what goes to the changelog now and to the engine once the changelog has it. */
export interface PreparedCommit {
  readonly writes: StoreWrites;
}

/**
 * One partition of one state store inside a task: typed objects above, a write-back buffer, an engine below.
 *
 * The runtime owns the order of things: user code changes the buffer; `prepareCommit` freezes what is dirty; `applyCommit` writes it to the
 * engine, once the changelog is safe. User code may go on changing the buffer between the two. `discard` forgets everything that was not
 * applied. Reads through `view` see applied commits only.
 */
export interface StateStore {
  readonly name: string;
  /** The typed object that user code uses. */
  readonly facade: object;
  /** Gives the store to other user code: calls through the former typed object are refused for good. */
  succeed(gate: WriteGate, facade?: object): void;
  /** The next changelog offset this store has not applied; undefined before anything was. */
  readonly position: ChangelogPosition | undefined;

  /** Opens the engine. @throws StoreCorruptedError */
  open(): Promise<void>;

  /**
   * Pins the entries of keys that will be read, and loads those that are not buffered; keys that are undefined are skipped. Pinned entries stay
   * buffered until `release`, or until `discard`; keys beyond the buffer's limit are left to the reads themselves.
   * @param pins takes, by index, what `hint` and `release` take; undefined where nothing is pinned.
   * @returns undefined if nothing has to be waited for.
   */
  prefetch(keys: readonly unknown[], pins: unknown[]): Promise<void> | undefined;
  /** Says that `key`, a primitive, will be asked for next. @param pin from `prefetch`, or undefined. Never changes what a read answers. */
  hint(key: unknown, pin: unknown): void;
  /** Gives back a pin of `prefetch`, once. */
  release(pin: unknown): void;

  /** Puts and deletes since the store was made; only differences mean something. */
  readonly changes: number;
  /** Bytes of changes that no commit has taken yet. */
  readonly dirtyBytes: number;
  /** Bytes of all buffered entries. */
  readonly bufferedBytes: number;
  /** Sets how many bytes the buffer may keep; clean entries above it are evicted, dirty and in-flight ones never. */
  setBufferLimit(maxBytes: number): void;

  /**
   * Serialises each dirty key once, hands it to `sink`, and pins it until `applyCommit` or `discard`. Nothing may change the store until it settles.
   * @param breathe asked now and then; what it returns is waited for.
   */
  prepareCommit(sink: ChangeSink, breathe?: () => Promise<void> | undefined): Promise<PreparedCommit>;
  /**
   * Writes a prepared commit and its position to the engine in one batch; then its entries are clean unless changed again.
   * @param breathe as in `prepareCommit`.
   */
  applyCommit(
    commit: PreparedCommit,
    position: ChangelogPosition,
    breathe?: () => Promise<void> | undefined,
  ): Promise<void>;
  /** Forgets the whole buffer: what is in the engine is the truth. */
  discard(): void;

  /** Applies changelog records while restoring; the buffer must be empty. Calls may overlap and are applied in order. */
  restore(writes: StoreWrites, position: ChangelogPosition): Promise<void>;

  /** Closes iterators that user code left open in the handler that just ended, and counts them. */
  releaseIterators(): number;

  readonly view: CommittedView;
  /** As `view`, with what no commit has applied yet, a handler's half-done work included. */
  readonly uncommitted: CommittedView;

  /**
   * The position of what `view` shows: beside a write the engine is asked, which may show the write already. Where it is what `position` was when
   * a read began, 0 for undefined, that read has shown this position and no other; a read is a cursor that is open, or a look-up that has ended.
   */
  standing(): Awaitable<ChangelogPosition>;

  /**
   * As `standing`, of one look-up through `view` that has ended and began at the position `since`, without asking the engine: by what the commit that is
   * being written makes of the keys. Undefined where that does not tell it.
   */
  positionOf(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | undefined)[],
    since: ChangelogPosition,
  ): ChangelogPosition | undefined;

  /** Plain counters that the store raises and their reader sets back. */
  readonly counts: StoreCounts;

  approximateEntries(): Promise<number>;
  approximateBytes(): Promise<number>;

  /** Keeps what was applied. Idempotent. */
  close(): Promise<void>;
  /** Deletes the engine's data; `open` starts anew. For damage and for partitions that moved away. */
  wipe(): Promise<void>;
}

/** Applied entries as bytes, for queries. Safe beside the writer. Concurrent point reads of one tick become one engine read. */
export interface CommittedView {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  openCursor(bounds: KeyBounds, options: CursorOptions): StoreCursor;
}
