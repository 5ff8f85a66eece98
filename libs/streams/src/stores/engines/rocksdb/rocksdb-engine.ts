import { rm } from 'node:fs/promises';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { DiskFullError } from '../../../errors/disk-full-error.js';
import { StoreAccessError } from '../../../errors/store-access-error.js';
import { StoreCorruptedError } from '../../../errors/store-corrupted-error.js';
import { StoreLockedError } from '../../../errors/store-locked-error.js';
import type {
  ChangelogPosition,
  CursorOptions,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEngineContext,
  StoreEntries,
  StoreWrites,
} from '../../store-engine.js';
import { escapeBounds, escapeKeys, metadataKey, unescapeKey } from './key-escape.js';
import type { RocksDbBinding, RocksDbDatabase, RocksDbIterator, RocksDbTuning } from './rocksdb-binding.js';
import { RocksDbError } from './rocksdb-error.js';

const POSITION_KEY = metadataKey('position');
const FORMAT_KEY = metadataKey('format');
const FORMAT_VERSION = 1;
const OWN_ENTRIES = 2;

/** One RocksDB database of one store partition; the position is an entry of the same database, so that a batch moves both. */
export class RocksDbEngine implements StoreEngine {
  private database: RocksDbDatabase | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly binding: RocksDbBinding,
    private readonly context: StoreEngineContext,
    private readonly tuning: RocksDbTuning,
  ) {}

  async open(): Promise<ChangelogPosition | undefined> {
    try {
      this.closing = undefined;
      this.database = await this.binding.open(this.context.directory, this.tuning);
      const [format, position] = await this.database.getMany([FORMAT_KEY, POSITION_KEY]);
      await this.checkFormat(this.database, format);
      return readPosition(position);
    } catch (error) {
      await this.database?.close().catch(() => {});
      this.database = undefined;
      throw storeError(error, this.context);
    }
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.guarded((database) => database.getMany(escapeKeys(keys)));
  }

  write(writes: StoreWrites, position: ChangelogPosition, breathe?: () => Promise<void> | undefined): Promise<void> {
    const last = { key: POSITION_KEY, value: positionBytes(position) };
    return this.guarded((database) => database.write(escapeKeys(writes.keys), writes.values, last, breathe));
  }

  openCursor(bounds: KeyBounds, { reverse, keysOnly = false }: CursorOptions): StoreCursor {
    return new RocksDbCursor(this.opened().iterate({ ...escapeBounds(bounds), reverse, keysOnly }), this.context);
  }

  async position(): Promise<ChangelogPosition | undefined> {
    const [position] = await this.guarded((database) => database.getMany([POSITION_KEY]));
    return readPosition(position);
  }

  async approximateEntries(): Promise<number> {
    const keys = await this.guarded((database) => database.numericProperty('rocksdb.estimate-num-keys'));
    return Math.max(0, (keys || 0) - OWN_ENTRIES);
  }

  async approximateBytes(): Promise<number> {
    const names = ['rocksdb.total-sst-files-size', 'rocksdb.cur-size-all-mem-tables'];
    const sizes = await this.guarded((database) => Promise.all(names.map((name) => database.numericProperty(name))));
    return sizes.reduce((sum, size) => sum + (size || 0), 0);
  }

  close(): Promise<void> {
    const { database } = this;
    this.database = undefined;
    this.closing ??= database?.close() ?? Promise.resolve();
    return this.closing;
  }

  async destroy(): Promise<void> {
    await this.close();
    await rm(this.context.directory, { recursive: true, force: true });
  }

  /** A folder that another binding or a later version wrote is not read: the store is restored, which is always right. */
  private async checkFormat(database: RocksDbDatabase, format: Uint8Array | undefined): Promise<void> {
    const own = `${FORMAT_VERSION} ${this.binding.name}`;
    if (format === undefined) return database.write([FORMAT_KEY], [Buffer.from(own)]);
    const found = Buffer.from(format).toString();
    if (found !== own) {
      throw new RocksDbError(
        'corrupted',
        this.context.directory,
        `it was written as "${found}", and this engine reads "${own}"`,
      );
    }
  }

  private opened(): RocksDbDatabase {
    if (this.database) return this.database;
    const { storeName, taskId } = this.context;
    throw new StoreAccessError(
      'STREAMS_STORE_CLOSED',
      storeName,
      `Store "${storeName}" of task ${taskId} is not open.`,
    );
  }

  private async guarded<T>(call: (database: RocksDbDatabase) => Promise<T>): Promise<T> {
    try {
      return await call(this.opened());
    } catch (error) {
      throw storeError(error, this.context);
    }
  }
}

class RocksDbCursor implements StoreCursor {
  constructor(
    private readonly iterator: RocksDbIterator,
    private readonly context: StoreEngineContext,
  ) {}

  async next(limit: number, maxBytes?: number): Promise<StoreEntries> {
    try {
      const { keys, values } = await this.iterator.next(limit, maxBytes);
      return { keys: keys.map(unescapeKey), values };
    } catch (error) {
      throw storeError(error, this.context);
    }
  }

  close(): Promise<void> {
    return this.iterator.close();
  }
}

function storeError(error: unknown, { storeName, taskId, directory }: StoreEngineContext): unknown {
  if (!(error instanceof RocksDbError)) return error;
  if (error.kind === 'full') return new DiskFullError(directory, error.message, { cause: error });
  if (error.kind === 'locked') return new StoreLockedError(storeName, directory, { cause: error });
  if (error.kind === 'corrupted') return new StoreCorruptedError(storeName, taskId, error.message, { cause: error });
  return error;
}

function positionBytes(position: ChangelogPosition): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(position));
  return bytes;
}

function readPosition(bytes: Uint8Array | undefined): ChangelogPosition | undefined {
  return bytes === undefined ? undefined : Number(bufferOf(bytes).readBigInt64BE());
}
