import { AbstractRocksDbIterator } from './abstract-rocksdb.js';
import type { RocksDbIterator, RocksDbRange } from './rocksdb-binding.js';
import { RocksDbError } from './rocksdb-error.js';

type Entries = Awaited<ReturnType<RocksDbIterator['next']>>;

const NO_BYTES = Buffer.alloc(0);

interface NativeEntry {
  readonly key: Buffer;
  /** Null in an iterator over keys. */
  readonly value: Buffer | null;
}

export interface NativeSnapshot {
  iterator(range: object, options: object): AsyncIterable<NativeEntry>;
  close(): Promise<void>;
}

/** Entries of one native read; the package's default of 8 makes scans ten times slower. */
const MAX_ENTRIES = 256;
/** Entries of the first read of a database, whose entries may have any size. */
const FIRST_ENTRIES = 4;
/** How slowly the estimate follows entries that become smaller. */
const DECAY = 0.8;

/**
 * Decides how many entries a native read takes. The package reads a number of entries, whatever their size, so the number comes from the
 * sizes of earlier reads of the same database. Only a read in which entries grow suddenly exceeds its bytes, by `MAX_ENTRIES` at most.
 */
export class ReadAhead {
  private entryBytes: number | undefined;

  /** Returns the number of entries of a read that wants `limit` entries or `maxBytes`. */
  entries(limit: number, maxBytes: number): number {
    const wanted = Math.max(1, Math.min(MAX_ENTRIES, limit));
    if (maxBytes === Infinity) return wanted;
    if (this.entryBytes === undefined) return Math.min(wanted, FIRST_ENTRIES);
    return Math.max(1, Math.min(wanted, Math.floor(maxBytes / this.entryBytes)));
  }

  learn(entries: number, bytes: number): void {
    if (entries === 0) return;
    this.entryBytes = Math.max(1, bytes / entries, DECAY * (this.entryBytes ?? 0));
  }
}

interface Run {
  readonly entries: AsyncIterator<NativeEntry>;
  /** Entries that this run may still give; infinite where the range alone ends it. */
  left: number;
}

/**
 * Walks a snapshot with one native iterator after another. Each gives the entries of one native read, since the package reads ahead and
 * counts entries there too. An iterator over small entries has no such limit.
 */
export class NativeIterator extends AbstractRocksDbIterator {
  private run: Run | undefined;
  private last: Buffer | undefined;
  private isDone = false;

  constructor(
    private readonly snapshot: NativeSnapshot,
    private readonly range: RocksDbRange,
    private readonly context: {
      readonly directory: string;
      readonly readAhead: ReadAhead;
      readonly onClosed: () => void;
    },
  ) {
    super(context.onClosed);
  }

  protected async read(limit: number, maxBytes: number): Promise<Entries> {
    const { directory, readAhead } = this.context;
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    let bytes = 0;
    try {
      if (this.run?.left === Infinity && readAhead.entries(MAX_ENTRIES, maxBytes) < MAX_ENTRIES) await this.endRun();
      while (keys.length < limit && bytes < maxBytes && !this.isDone) {
        this.run ??= this.begin(readAhead.entries(limit - keys.length, maxBytes - bytes));
        const { done, value } = await this.run.entries.next();
        if (done) {
          this.isDone = this.run.left > 0;
          this.run = undefined;
          readAhead.learn(keys.length, bytes);
          continue;
        }
        this.run.left--;
        this.last = value.key;
        const bytesOfValue = value.value ?? NO_BYTES;
        keys.push(value.key);
        values.push(bytesOfValue);
        bytes += value.key.length + bytesOfValue.length;
      }
    } catch (error) {
      throw RocksDbError.from(directory, error);
    }
    readAhead.learn(keys.length, bytes);
    return { keys, values };
  }

  protected async end(): Promise<void> {
    await this.endRun();
    await this.snapshot.close();
  }

  private begin(capacity: number): Run {
    const { gte = null, lt = null, reverse = false, keysOnly = false } = this.range;
    const { last } = this;
    const left = capacity < MAX_ENTRIES ? capacity : Infinity;
    const rest = last === undefined ? { gte, lt } : reverse ? { gte, lt: last } : { gt: last, lt };
    const options = { reverse, capacity, limit: left, values: !keysOnly };
    return { entries: this.snapshot.iterator(rest, options)[Symbol.asyncIterator](), left };
  }

  private async endRun(): Promise<void> {
    const { run } = this;
    this.run = undefined;
    await run?.entries.return?.();
  }
}
