/**
 * Where the embedded log keeps what survives the process: an ordered map of bytes. A RocksDB database fits; without a storage the log lives in
 * memory only. What `write` has settled survives the end of the process, however it ends.
 */
export interface LogStorage {
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** One atomic batch of parallel columns; `null` deletes. Overlapping calls are applied in call order, and settle in it. */
  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void>;
  /** Walks entries in the order of their keys as unsigned bytes. */
  iterate(range: { readonly gte?: Uint8Array; readonly lt?: Uint8Array }): LogStorageIterator;
  close(): Promise<void>;
}

export interface LogStorageIterator {
  /** Up to `limit` further entries; empty columns mean the end. */
  next(limit: number): Promise<{ readonly keys: readonly Uint8Array[]; readonly values: readonly Uint8Array[] }>;
  close(): Promise<void>;
}
