import { mkdir } from 'node:fs/promises';
import { AbstractRocksDbDatabase, AbstractRocksDbIterator, type RocksDbBatch } from './abstract-rocksdb.js';
import type { RocksDbBinding, RocksDbIterator, RocksDbRange, RocksDbTuning } from './rocksdb-binding.js';
import { BulkLane } from './bulk-lane.js';
import { checkLogFiles } from './log-files.js';
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

interface NativeSession {
  ready(): Promise<void>;
  close(): Promise<void>;
  read(options: object): NativeReadBatch;
  write(options: object): NativeWriteBatch;
  snapshot(): NativeSession;
  iterator(range: object, options: object): AsyncIterable<{ key: Buffer; value: Buffer }>;
  getProperty(name: string): Promise<string>;
}

/** The module of the `rocksdb-native` package. */
export type NativeModule = new (directory: string, options: object) => NativeSession;

/** Adapter of `rocksdb-native` 3.18.1. */
export function nativeBinding(Native: NativeModule): RocksDbBinding {
  const bulk = new BulkLane();
  return {
    name: 'rocksdb-native',
    honours: new Set([
      'writeBufferBytes',
      'maxWriteBuffers',
      'blockBytes',
      'maxOpenFiles',
      'maxBackgroundJobs',
    ] as const),
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
  if (tuning.writeBufferBytes !== undefined) options.writeBufferSize = tuning.writeBufferBytes;
  if (tuning.maxWriteBuffers !== undefined) options.maxWriteBufferNumber = tuning.maxWriteBuffers;
  if (tuning.blockBytes !== undefined) options.tableBlockSize = tuning.blockBytes;
  if (tuning.maxOpenFiles !== undefined) options.maxOpenFiles = tuning.maxOpenFiles;
  if (tuning.maxBackgroundJobs !== undefined) options.maxBackgroundJobs = tuning.maxBackgroundJobs;
  return options;
}

class Database extends AbstractRocksDbDatabase {
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
    return new Iterator(this.directory, this.db.snapshot(), range, onClosed);
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

/** Entries of one native read; the package's default of 8 makes scans ten times slower. */
const CHUNK_ENTRIES = 256;

class Iterator extends AbstractRocksDbIterator {
  private entries: AsyncIterator<{ key: Buffer; value: Buffer }> | undefined;

  constructor(
    private readonly directory: string,
    private readonly session: NativeSession,
    private readonly range: RocksDbRange,
    onClosed: () => void,
  ) {
    super(onClosed);
  }

  protected async read(limit: number): Promise<{ keys: Uint8Array[]; values: Uint8Array[] }> {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    try {
      if (!this.entries) {
        const { gte, lt, reverse = false } = this.range;
        const capacity = Math.min(CHUNK_ENTRIES, Math.max(2, limit));
        const range = { gte: gte ?? null, lt: lt ?? null };
        this.entries = this.session.iterator(range, { reverse, capacity })[Symbol.asyncIterator]();
      }
      while (keys.length < limit) {
        const { done, value } = await this.entries.next();
        if (done) break;
        keys.push(value.key);
        values.push(value.value);
      }
    } catch (error) {
      throw RocksDbError.from(this.directory, error);
    }
    return { keys, values };
  }

  protected async end(): Promise<void> {
    await this.entries?.return?.();
    await this.session.close();
  }
}
