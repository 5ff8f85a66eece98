import type { BulkLane } from './bulk-lane.js';
import type { RocksDbDatabase, RocksDbEntry, RocksDbIterator, RocksDbRange } from './rocksdb-binding.js';
import { RocksDbError } from './rocksdb-error.js';
import { WriteQueue } from './write-queue.js';

type Entries = Awaited<ReturnType<RocksDbIterator['next']>>;

/** Look-ups of more keys than this keep a thread busy for long. */
const SHORT_LOOK_UP_KEYS = 64;
/** Entries of a batch between two looks at the time. */
const BREATHE_EVERY = 256;

/** A batch that is being filled. */
export interface RocksDbBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Applies it. @throws RocksDbError */
  write(): Promise<void>;
}

/** What both bindings leave to their caller: the order of writes, and an end that waits for writes and iterators. */
export abstract class AbstractRocksDbDatabase implements RocksDbDatabase {
  private readonly writes = new WriteQueue();
  private readonly iterators = new Set<RocksDbIterator>();
  private closing: Promise<void> | undefined;
  private writesBegun = 0;

  constructor(
    protected readonly directory: string,
    private readonly bulk: BulkLane,
  ) {}

  protected abstract lookUp(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** @param capacity how many entries it will take. */
  protected abstract openBatch(capacity: number): RocksDbBatch;
  protected abstract openIterator(range: RocksDbRange, onClosed: () => void): RocksDbIterator;
  protected abstract property(name: string): string | Promise<string>;
  protected abstract end(): Promise<void>;

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.length <= SHORT_LOOK_UP_KEYS ? this.lookUp(keys) : this.bulk.run(() => this.lookUp(keys));
  }

  write(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | null)[],
    last?: RocksDbEntry,
    breathe?: () => Promise<void> | undefined,
  ): Promise<void> {
    if (this.closing) return Promise.reject(this.closedError());
    this.writesBegun++;
    const built = this.build(keys, values, last, breathe);
    // Met in its turn; until then nobody waits for it.
    built.catch(() => undefined);
    return this.writes.run(async () => {
      const batch = await built;
      await this.bulk.run(() => batch.write());
    });
  }

  iterate(range: RocksDbRange): RocksDbIterator {
    if (this.closing) throw this.closedError();
    const iterator = this.openIterator(range, () => this.iterators.delete(iterator));
    this.iterators.add(iterator);
    return iterator;
  }

  /** @returns what tells whether the entries are still those of now, as far as that is certain. */
  protected stillUnchanged(): () => boolean {
    const before = this.writesBegun;
    const wasIdle = this.writes.isIdle;
    return () => wasIdle && this.writesBegun === before;
  }

  async numericProperty(name: string): Promise<number> {
    return this.closing ? NaN : Number(await this.property(name));
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    await this.writes.idle();
    // `rocksdb-native` waits for its iterators for ever.
    for (const iterator of this.iterators) await iterator.close();
    await this.end();
  }

  /** Beside the write before it. */
  private async build(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | null)[],
    last: RocksDbEntry | undefined,
    breathe: (() => Promise<void> | undefined) | undefined,
  ): Promise<RocksDbBatch> {
    const batch = this.openBatch(keys.length + (last === undefined ? 0 : 1));
    for (let i = 0; i < keys.length; i++) {
      if (breathe !== undefined && i % BREATHE_EVERY === BREATHE_EVERY - 1) await breathe();
      const value = values[i];
      if (value === null) batch.delete(keys[i]);
      else batch.put(keys[i], value);
    }
    if (last !== undefined) batch.put(last.key, last.value);
    return batch;
  }

  private closedError(): RocksDbError {
    return new RocksDbError('failed', this.directory, 'the database is closed');
  }
}

/** An iterator whose end waits for the read under way. */
export abstract class AbstractRocksDbIterator implements RocksDbIterator {
  private reading: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(private readonly onClosed: () => void) {}

  protected abstract read(limit: number, maxBytes: number): Promise<Entries>;
  protected abstract end(): Promise<void>;

  next(limit: number, maxBytes = Infinity): Promise<Entries> {
    if (this.closing) return Promise.resolve({ keys: [], values: [] });
    const step = this.read(limit, maxBytes);
    this.reading = step.catch(() => undefined);
    return step;
  }

  close(): Promise<void> {
    this.closing ??= this.reading.then(() => this.end()).finally(this.onClosed);
    return this.closing;
  }
}
