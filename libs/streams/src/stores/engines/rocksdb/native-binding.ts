import { mkdir } from 'node:fs/promises';
import type {
  RocksDbBinding,
  RocksDbDatabase,
  RocksDbIterator,
  RocksDbRange,
  RocksDbTuning,
} from './rocksdb-binding.js';
import { RocksDbError } from './rocksdb-error.js';
import { WriteQueue } from './write-queue.js';

interface NativeReadBatch {
  get(key: Uint8Array): Promise<Buffer | null>;
  tryFlush(): void;
}

interface NativeWriteBatch {
  tryPut(key: Uint8Array, value: Uint8Array): void;
  tryDelete(key: Uint8Array): void;
  flush(): Promise<void>;
}

type NativeStream = AsyncIterable<{ key: Buffer; value: Buffer }> & { destroy(): void; readonly destroyed: boolean };

interface NativeSession {
  ready(): Promise<void>;
  close(): Promise<void>;
  read(options: object): NativeReadBatch;
  write(options: object): NativeWriteBatch;
  snapshot(): NativeSession;
  iterator(range: object, options: object): NativeStream;
  getProperty(name: string): Promise<string>;
}

/** The module of the `rocksdb-native` package. */
export type NativeModule = new (directory: string, options: object) => NativeSession;

/** Adapter of `rocksdb-native` 3.18.1. */
export function nativeBinding(Native: NativeModule): RocksDbBinding {
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
      const db = new Native(directory, openOptions(tuning));
      try {
        await db.ready();
      } catch (error) {
        throw RocksDbError.from(directory, error);
      }
      return new Database(directory, db);
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

class Database implements RocksDbDatabase {
  private readonly writes = new WriteQueue();
  private readonly iterators = new Set<Iterator>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly db: NativeSession,
  ) {}

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
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

  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void> {
    if (this.closing) return Promise.reject(new RocksDbError('failed', this.directory, 'the database is closed'));
    const batch = this.db.write({ capacity: Math.max(1, keys.length), autoDestroy: true });
    for (let i = 0; i < keys.length; i++) {
      const value = values[i];
      if (value === null) batch.tryDelete(keys[i]);
      else batch.tryPut(keys[i], value);
    }
    return this.writes.run(async () => {
      try {
        await batch.flush();
      } catch (error) {
        throw RocksDbError.from(this.directory, error);
      }
    });
  }

  iterate(range: RocksDbRange): RocksDbIterator {
    if (this.closing) throw new RocksDbError('failed', this.directory, 'the database is closed');
    // The iterator opens on another thread, later; only a snapshot is taken now.
    const iterator = new Iterator(this.directory, this.db.snapshot(), range, () => this.iterators.delete(iterator));
    this.iterators.add(iterator);
    return iterator;
  }

  async numericProperty(name: string): Promise<number> {
    return this.closing ? NaN : Number(await this.db.getProperty(name));
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    await this.writes.idle();
    // The package waits for its iterators for ever.
    for (const iterator of this.iterators) await iterator.close();
    await this.db.close();
  }
}

/** Entries of one native read; the package's default of 8 makes scans ten times slower. */
const CHUNK_ENTRIES = 256;

class Iterator implements RocksDbIterator {
  private entries: AsyncIterator<{ key: Buffer; value: Buffer }> | undefined;
  private stream: NativeStream | undefined;
  private reading: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly session: NativeSession,
    private readonly range: RocksDbRange,
    private readonly onClosed: () => void,
  ) {}

  next(limit: number): Promise<{ keys: Uint8Array[]; values: Uint8Array[] }> {
    if (this.closing) return Promise.resolve({ keys: [], values: [] });
    const step = this.read(limit);
    this.reading = step.catch(() => undefined);
    return step;
  }

  close(): Promise<void> {
    this.closing ??= this.reading.then(() => this.shut()).finally(this.onClosed);
    return this.closing;
  }

  private async read(limit: number): Promise<{ keys: Uint8Array[]; values: Uint8Array[] }> {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    try {
      if (!this.entries) {
        const { gte, lt, reverse = false } = this.range;
        const capacity = Math.min(CHUNK_ENTRIES, Math.max(2, limit));
        this.stream = this.session.iterator({ gte: gte ?? null, lt: lt ?? null }, { reverse, capacity });
        this.entries = this.stream[Symbol.asyncIterator]();
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

  private async shut(): Promise<void> {
    await this.entries?.return?.();
    await this.session.close();
  }
}
