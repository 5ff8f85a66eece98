import { createRequire } from 'node:module';

type Callback<T> = (error: Error | null, value: T) => void;

/** The part of the `rocksdb` package that the two user programs need. */
export interface RocksDb {
  open(callback: Callback<void>): void;
  get(key: string, callback: Callback<Buffer>): void;
  getMany(keys: string[], callback: Callback<(Buffer | undefined)[]>): void;
  put(key: string, value: string, callback: Callback<void>): void;
  batch(operations: { type: 'put'; key: string; value: string }[], callback: Callback<void>): void;
}

/** Opens a folder with the `rocksdb` package as its users do. Node 20 only: it aborts newer ones (docs/guide/engines.md). */
export async function openRocksDb(directory: string): Promise<RocksDb> {
  const rocksdb = createRequire(import.meta.url)('rocksdb') as (directory: string) => RocksDb;
  const db = rocksdb(directory);
  await new Promise<void>((resolve, reject) => db.open((error) => (error ? reject(error) : resolve())));
  return db;
}
