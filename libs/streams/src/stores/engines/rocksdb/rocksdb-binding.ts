/** What can be tuned. A binding names in `honours` what it can set; the rest stays at its default. Sizes in bytes. */
export interface RocksDbTuning {
  readonly blockCacheBytes?: number;
  /** Size of one memtable. */
  readonly writeBufferBytes?: number;
  readonly maxWriteBuffers?: number;
  readonly blockBytes?: number;
  readonly maxOpenFiles?: number;
  readonly maxBackgroundJobs?: number;
  readonly compression?: 'none' | 'snappy';
}

export type RocksDbBindingName = 'rocksdb' | 'rocksdb-native';

/** The Node packages that carry RocksDB, behind the little that stores and the embedded log need. */
export interface RocksDbBinding {
  readonly name: RocksDbBindingName;
  readonly honours: ReadonlySet<keyof RocksDbTuning>;
  /** The only block caches that the package can have, in ascending order of bytes; absent: any. */
  readonly blockCacheSizes?: readonly number[];
  /** Opens or creates; parent folders are made. @throws RocksDbError */
  open(directory: string, tuning: RocksDbTuning): Promise<RocksDbDatabase>;
}

/**
 * One open database. Keys are not empty and sort as unsigned bytes. Buffers handed in belong to the database until the promise settles.
 * Every method may reject with `RocksDbError`.
 */
export interface RocksDbDatabase {
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /**
   * One atomic batch of parallel columns and `last`, later entries winning; `null` deletes. Overlapping calls are applied in call order.
   * @param breathe asked now and then while the batch is built; what it returns is waited for.
   */
  write(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | null)[],
    last?: RocksDbEntry,
    breathe?: () => Promise<void> | undefined,
  ): Promise<void>;
  /** Walks the state of this moment. */
  iterate(range: RocksDbRange): RocksDbIterator;
  /** A property such as `rocksdb.estimate-num-keys`; NaN where it is not a number. */
  numericProperty(name: string): Promise<number>;
  /** Waits for what is under way and ends iterators. Idempotent. */
  close(): Promise<void>;
}

export interface RocksDbEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface RocksDbRange {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly reverse?: boolean;
  /** A binding may leave out the values, or read them to check the entries. */
  readonly keysOnly?: boolean;
}

export interface RocksDbIterator {
  /** Reads up to `limit` further entries, fewer where they come to `maxBytes`; empty columns mean the end. */
  next(limit: number, maxBytes?: number): Promise<{ keys: Uint8Array[]; values: Uint8Array[] }>;
  /** Idempotent. */
  close(): Promise<void>;
}
