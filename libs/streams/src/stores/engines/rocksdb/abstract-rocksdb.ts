import type { RocksDbDatabase, RocksDbEntry, RocksDbIterator, RocksDbRange } from './rocksdb-binding.js';
import { RocksDbError } from './rocksdb-error.js';
import { WriteQueue } from './write-queue.js';

type Entries = Awaited<ReturnType<RocksDbIterator['next']>>;

/** What both bindings leave to their caller: the order of writes, and an end that waits for writes and iterators. */
export abstract class AbstractRocksDbDatabase implements RocksDbDatabase {
  private readonly writes = new WriteQueue();
  private readonly iterators = new Set<RocksDbIterator>();
  private closing: Promise<void> | undefined;
  private writesBegun = 0;

  constructor(protected readonly directory: string) {}

  abstract getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** Builds the batch now. @returns what applies it, in its turn. */
  protected abstract batch(
    keys: readonly Uint8Array[],
    values: readonly (Uint8Array | null)[],
    last: RocksDbEntry | undefined,
  ): () => Promise<void>;
  protected abstract openIterator(range: RocksDbRange, onClosed: () => void): RocksDbIterator;
  protected abstract property(name: string): string | Promise<string>;
  protected abstract end(): Promise<void>;

  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[], last?: RocksDbEntry): Promise<void> {
    if (this.closing) return Promise.reject(this.closedError());
    this.writesBegun++;
    return this.writes.run(this.batch(keys, values, last));
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

  private closedError(): RocksDbError {
    return new RocksDbError('failed', this.directory, 'the database is closed');
  }
}

/** An iterator whose end waits for the read under way. */
export abstract class AbstractRocksDbIterator implements RocksDbIterator {
  private reading: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(private readonly onClosed: () => void) {}

  protected abstract read(limit: number): Promise<Entries>;
  protected abstract end(): Promise<void>;

  next(limit: number): Promise<Entries> {
    if (this.closing) return Promise.resolve({ keys: [], values: [] });
    const step = this.read(limit);
    this.reading = step.catch(() => undefined);
    return step;
  }

  close(): Promise<void> {
    this.closing ??= this.reading.then(() => this.end()).finally(this.onClosed);
    return this.closing;
  }
}
