/** The offset of the next changelog record that the store has not applied. */
export type ChangelogPosition = number;

/** Parallel columns; `null` deletes. Where a key occurs twice the later entry wins. */
export interface StoreWrites {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly (Uint8Array | null)[];
}

/** Keys from `gte` (inclusive) to `lt` (exclusive), compared as unsigned bytes; an absent bound is open. */
export interface KeyBounds {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
}

/** Parallel columns of one step of an iteration. Empty columns mean the end. */
export interface StoreEntries {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
}

export interface CursorOptions {
  readonly reverse: boolean;
  /** The caller reads no values; an engine may give empty ones. Default false. */
  readonly keysOnly?: boolean;
}

/** Walks a consistent view of the store, taken when the cursor was opened; later writes are not seen. */
export interface StoreCursor {
  /**
   * Reads up to `limit` further entries in order, at least one before the end. Ends the step with the entry whose key and value bring it to
   * `maxBytes`. Default: as many bytes as the entries have.
   */
  next(limit: number, maxBytes?: number): Promise<StoreEntries>;
  /** Idempotent. A cursor that is not closed pins memory of the engine. */
  close(): Promise<void>;
}

/**
 * Stores the bytes of one partition of one state store.
 *
 * One writer, any number of readers. Keys are any bytes, the empty one included, ordered as unsigned bytes; values are any bytes, the empty
 * one included. A batch is atomic: after a crash either all of it is there, its position included, or none of it. Buffers handed in belong
 * to the engine until the promise settles; buffers handed out belong to the caller. Every method may reject with `StoreCorruptedError`;
 * the owner then wipes and restores this store only.
 */
export interface StoreEngine {
  /** Opens or creates. @returns the position of the last write that survived, or undefined for a new or volatile store. */
  open(): Promise<ChangelogPosition | undefined>;

  /** Reads the values of `keys` in one pass, in order; `undefined` where a key is absent. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;

  /**
   * Applies `writes` and moves the position, atomically. `writes` may be empty. Calls may overlap and are applied in call order.
   * @param breathe an engine that prepares a large batch for long asks it now and then, and waits for what it returns.
   */
  write(writes: StoreWrites, position: ChangelogPosition, breathe?: () => Promise<void> | undefined): Promise<void>;

  openCursor(bounds: KeyBounds, options: CursorOptions): StoreCursor;

  /** The position that belongs to the entries of now: beside a write the one before it or its own, whichever reads show. Undefined as in `open`. */
  position(): Promise<ChangelogPosition | undefined>;

  /** An estimate, never negative. */
  approximateEntries(): Promise<number>;
  /** An estimate of the bytes on disk and in memory. */
  approximateBytes(): Promise<number>;

  /** Waits for what is under way, closes cursors, keeps the data. Idempotent. */
  close(): Promise<void>;

  /** Closes, and deletes the data. Idempotent. */
  destroy(): Promise<void>;
}

/** What an engine is told when the runtime creates one for a partition of a store. */
export interface StoreEngineContext {
  readonly storeName: string;
  readonly taskId: string;
  /** A folder of this store alone; it may not exist yet. A volatile engine ignores it. */
  readonly directory: string;
  /** This store's share of `memory.maxBytes` for block caches and memtables. */
  readonly memoryMaxBytes: number;
}

/** Makes engines of one kind. Register a custom one with the `engines` option of `StreamsModule.forRoot`. */
export interface StoreEngineFactory {
  /** What `@StateStore({ engine })` names. */
  readonly name: string;
  /** False: a restart restores the whole changelog. */
  readonly isPersistent: boolean;
  /** Called once at start-up. @throws EngineUnavailableError naming the package to install or the binding that works. */
  prepare(): Promise<void>;
  create(context: StoreEngineContext): StoreEngine;
}
