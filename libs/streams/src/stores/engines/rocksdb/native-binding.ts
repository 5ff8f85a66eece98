import { mkdir } from 'node:fs/promises';
import { AbstractRocksDbDatabase, type RocksDbBatch } from './abstract-rocksdb.js';
import type { RocksDbBinding, RocksDbIterator, RocksDbRange, RocksDbTuning } from './rocksdb-binding.js';
import { BulkLane } from './bulk-lane.js';
import { checkLogFiles } from './log-files.js';
import { NativeIterator, ReadAhead, type NativeSnapshot } from './native-iterator.js';
import { RocksDbError } from './rocksdb-error.js';

interface NativeReadBatch {
  get(key: Uint8Array): Promise<Buffer | null>;
  tryFlush(): void;
}

interface NativeWriteBatch {
  tryPut(key: Uint8Array, value: Uint8Array): void;
  tryDelete(key: Uint8Array): void;
  flush(): Promise<void>;
}

interface NativeSession extends NativeSnapshot {
  ready(): Promise<void>;
  read(options: object): NativeReadBatch;
  write(options: object): NativeWriteBatch;
  snapshot(): NativeSnapshot;
  getProperty(name: string): Promise<string>;
}

/** The module of the `rocksdb-native` package. */
export type NativeModule = new (directory: string, options: object) => NativeSession;

/** The package has RocksDB's default block cache for each database, or none. */
const BLOCK_CACHE_SIZES = [0, 32 * 1024 * 1024] as const;

/** Adapter of `rocksdb-native` 3.18.1. */
export function nativeBinding(Native: NativeModule): RocksDbBinding {
  const bulk = new BulkLane();
  return {
    name: 'rocksdb-native',
    honours: new Set([
      'blockCacheBytes',
      'writeBufferBytes',
      'maxWriteBuffers',
      'blockBytes',
      'maxOpenFiles',
      'maxBackgroundJobs',
    ] as const),
    blockCacheSizes: BLOCK_CACHE_SIZES,
    async open(directory, tuning) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await checkLogFiles(directory);
      const db = new Native(directory, openOptions(tuning));
      try {
        await db.ready();
      } catch (error) {
        throw RocksDbError.from(directory, error);
      }
      return new Database(directory, bulk, db);
    },
  };
}

function openOptions(tuning: RocksDbTuning): object {
  const options: Record<string, unknown> = { createIfMissing: true };
  if (tuning.blockCacheBytes === 0) {
    options.blockCache = false;
    // RocksDB refuses to open a database with one but not the other.
    options.tableCacheIndexAndFilterBlocks = false;
  }
  if (tuning.writeBufferBytes !== undefined) options.writeBufferSize = tuning.writeBufferBytes;
  if (tuning.maxWriteBuffers !== undefined) options.maxWriteBufferNumber = tuning.maxWriteBuffers;
  if (tuning.blockBytes !== undefined) options.tableBlockSize = tuning.blockBytes;
  if (tuning.maxOpenFiles !== undefined) options.maxOpenFiles = tuning.maxOpenFiles;
  if (tuning.maxBackgroundJobs !== undefined) options.maxBackgroundJobs = tuning.maxBackgroundJobs;
  return options;
}

class Database extends AbstractRocksDbDatabase {
  private readonly readAhead = new ReadAhead();
  private readonly keyReadAhead = new ReadAhead();

  constructor(
    directory: string,
    bulk: BulkLane,
    private readonly db: NativeSession,
  ) {
    super(directory, bulk);
  }

  protected async lookUp(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    try {
      const batch = this.db.read({ capacity: keys.length, autoDestroy: true });
      const pending = new Array<Promise<Buffer | null>>(keys.length);
      for (let i = 0; i < keys.length; i++) pending[i] = batch.get(keys[i]);
      batch.tryFlush();
      const values: (Buffer | null | undefined)[] = await Promise.all(pending);
      for (let i = 0; i < values.length; i++) if (values[i] === null) values[i] = undefined;
      return values as (Buffer | undefined)[];
    } catch (error) {
      throw RocksDbError.from(this.directory, error);
    }
  }

  protected openBatch(capacity: number): RocksDbBatch {
    return new Batch(this.directory, this.db.write({ capacity: Math.max(1, capacity), autoDestroy: true }));
  }

  protected openIterator(range: RocksDbRange, onClosed: () => void): RocksDbIterator {
    // The iterator opens on another thread, later; only a snapshot is taken now.
    return new NativeIterator(this.db.snapshot(), range, {
      directory: this.directory,
      readAhead: range.keysOnly ? this.keyReadAhead : this.readAhead,
      onClosed,
    });
  }

  protected property(name: string): Promise<string> {
    return this.db.getProperty(name);
  }

  protected end(): Promise<void> {
    return this.db.close();
  }
}

class Batch implements RocksDbBatch {
  constructor(
    private readonly directory: string,
    private readonly native: NativeWriteBatch,
  ) {}

  put(key: Uint8Array, value: Uint8Array): void {
    this.native.tryPut(key, value);
  }

  delete(key: Uint8Array): void {
    this.native.tryDelete(key);
  }

  async write(): Promise<void> {
    try {
      await this.native.flush();
    } catch (error) {
      throw RocksDbError.from(this.directory, error);
    }
  }
}
