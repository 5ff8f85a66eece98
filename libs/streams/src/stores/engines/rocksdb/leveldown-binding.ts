import { mkdir } from 'node:fs/promises';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { AbstractRocksDbDatabase, AbstractRocksDbIterator, type RocksDbBatch } from './abstract-rocksdb.js';
import type { RocksDbBinding, RocksDbIterator, RocksDbRange, RocksDbTuning } from './rocksdb-binding.js';
import { BulkLane } from './bulk-lane.js';
import { checkLogFiles } from './log-files.js';
import { RocksDbError } from './rocksdb-error.js';

const NOT_FOUND = /^NotFound/i;

type Entries = Awaited<ReturnType<RocksDbIterator['next']>>;
type Callback<T> = (error: Error | null | undefined, value: T) => void;

interface LeveldownBatch {
  put(key: Buffer, value: Buffer): void;
  del(key: Buffer): void;
  write(callback: Callback<void>): void;
}

interface LeveldownIterator {
  /** What the native side has read ahead: value and key of each entry, the next entry last. */
  cache: Buffer[] | null;
  next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
  end(callback: Callback<void>): void;
}

interface LeveldownDatabase {
  open(options: object, callback: Callback<void>): void;
  close(callback: Callback<void>): void;
  get(key: Buffer, options: object, callback: Callback<Buffer>): void;
  getMany(keys: Buffer[], options: object, callback: Callback<(Buffer | undefined)[]>): void;
  batch(): LeveldownBatch;
  iterator(options: object): LeveldownIterator;
  getProperty(name: string): string;
}

/** The module of the `rocksdb` package. */
export type LeveldownModule = (directory: string) => LeveldownDatabase;

/** Adapter of `rocksdb` 5.2.1. */
export function leveldownBinding(create: LeveldownModule): RocksDbBinding {
  const bulk = new BulkLane();
  return {
    name: 'rocksdb',
    honours: new Set(['blockCacheBytes', 'writeBufferBytes', 'blockBytes', 'maxOpenFiles', 'compression'] as const),
    async open(directory, tuning) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await checkLogFiles(directory);
      const db = create(directory);
      await call<void>(directory, (callback) => db.open(openOptions(tuning), callback));
      return new Database(directory, bulk, db);
    },
  };
}

function openOptions(tuning: RocksDbTuning): object {
  const options: Record<string, unknown> = { createIfMissing: true };
  if (tuning.blockCacheBytes !== undefined) options.cacheSize = tuning.blockCacheBytes;
  if (tuning.writeBufferBytes !== undefined) options.writeBufferSize = tuning.writeBufferBytes;
  if (tuning.blockBytes !== undefined) options.blockSize = tuning.blockBytes;
  if (tuning.maxOpenFiles !== undefined) options.maxOpenFiles = tuning.maxOpenFiles;
  if (tuning.compression !== undefined) options.compression = tuning.compression === 'snappy';
  return options;
}

class Database extends AbstractRocksDbDatabase {
  constructor(
    directory: string,
    bulk: BulkLane,
    private readonly db: LeveldownDatabase,
  ) {
    super(directory, bulk);
  }

  protected lookUp(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 1) return this.get(bufferOf(keys[0])).then((value) => [value]);
    const buffers = new Array<Buffer>(keys.length);
    for (let i = 0; i < keys.length; i++) buffers[i] = bufferOf(keys[i]);
    return call(this.directory, (callback) => this.db.getMany(buffers, { asBuffer: true }, callback));
  }

  /**
   * `getMany` takes a snapshot first, and with it, on the thread of the event loop, a lock that flushes and compactions hold for milliseconds
   * (bench `query`, beside processing). One key needs none.
   */
  private get(key: Buffer): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.db.get(key, { asBuffer: true }, (error, value) => {
        if (!error) resolve(value);
        else if (NOT_FOUND.test(error.message)) resolve(undefined);
        else reject(RocksDbError.from(this.directory, error));
      });
    });
  }

  // Held by bench `store`: the chained batch restores twice as fast as an array of operations.
  protected openBatch(): RocksDbBatch {
    return new Batch(this.directory, this.db.batch());
  }

  protected openIterator(range: RocksDbRange, onClosed: () => void): RocksDbIterator {
    const options: Record<string, unknown> = {
      reverse: range.reverse === true,
      keyAsBuffer: true,
      valueAsBuffer: true,
    };
    if (range.gte) options.gte = bufferOf(range.gte);
    if (range.lt) options.lt = bufferOf(range.lt);
    const confirm = this.confirmation();
    return new Iterator(this.directory, this.db.iterator(options), confirm, onClosed);
  }

  /** The package's look-ups verify checksums, and its iterators do not: what a scan reads is looked up again. */
  private confirmation(): (entries: Entries) => Promise<void> {
    const isUnchanged = this.stillUnchanged();
    return async ({ keys, values }) => {
      if (keys.length === 0) return;
      const found = await this.getMany(keys);
      if (isUnchanged() && !found.every((value, i) => value !== undefined && bufferOf(value).equals(values[i])))
        throw new RocksDbError('corrupted', this.directory, 'an entry reads otherwise in a scan than in a look-up');
    };
  }

  protected property(name: string): string {
    return this.db.getProperty(name);
  }

  protected end(): Promise<void> {
    return call(this.directory, (callback) => this.db.close(callback));
  }
}

class Batch implements RocksDbBatch {
  constructor(
    private readonly directory: string,
    private readonly native: LeveldownBatch,
  ) {}

  put(key: Uint8Array, value: Uint8Array): void {
    this.native.put(bufferOf(key), bufferOf(value));
  }

  delete(key: Uint8Array): void {
    this.native.del(bufferOf(key));
  }

  write(): Promise<void> {
    return call(this.directory, (callback) => this.native.write(callback));
  }
}

class Iterator extends AbstractRocksDbIterator {
  constructor(
    private readonly directory: string,
    private readonly native: LeveldownIterator,
    private readonly confirm: (entries: Entries) => Promise<void>,
    onClosed: () => void,
  ) {
    super(onClosed);
  }

  protected end(): Promise<void> {
    return call(this.directory, (callback) => this.native.end(callback));
  }

  protected async read(limit: number, maxBytes: number): Promise<Entries> {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    let bytes = 0;
    while (keys.length < limit && bytes < maxBytes) {
      const entry = await call<[Buffer, Buffer] | undefined>(this.directory, (callback) =>
        this.native.next((error, key, value) => callback(error, key && value ? [key, value] : undefined)),
      );
      if (!entry) break;
      keys.push(entry[0]);
      values.push(entry[1]);
      bytes += entry[0].length + entry[1].length;
      // One callback an entry would cost more than reading it, so what was read ahead is taken at once.
      const ahead = this.native.cache;
      while (ahead && ahead.length > 1 && keys.length < limit && bytes < maxBytes) {
        const key = ahead.pop() as Buffer;
        const value = ahead.pop() as Buffer;
        keys.push(key);
        values.push(value);
        bytes += key.length + value.length;
      }
    }
    await this.confirm({ keys, values });
    return { keys, values };
  }
}

function call<T>(directory: string, start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, value) => (error ? reject(RocksDbError.from(directory, error)) : resolve(value)));
  });
}
