import { bufferOf } from '../../../bytes/buffer-of.js';
import type {
  ChangelogPosition,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEngineFactory,
  StoreEntries,
  StoreWrites,
} from '../../store-engine.js';
import { OrderedKeys } from './ordered-keys.js';

const NOTHING: StoreEntries = Object.freeze({ keys: [], values: [] });
/** Estimated overhead of an entry beside its bytes: two strings and a slot of the table. */
const ENTRY_OVERHEAD_BYTES = 80;

/** The engine `memory`: nothing on disk, and a full restore at every start. */
export function memoryEngine(): StoreEngineFactory {
  return Object.freeze({
    name: 'memory',
    isPersistent: false,
    prepare: () => Promise.resolve(),
    create: () => new MemoryEngine(),
  });
}

/**
 * Entries in a `Map`, keys and values as latin1 text: a string costs the garbage collector a third of what a small `Uint8Array` does (bench
 * `restore`, memory/raw). The order of keys is made at the first scan and kept from then on.
 */
export class MemoryEngine implements StoreEngine {
  private entries = new Map<string, string>();
  private order: OrderedKeys | undefined;
  private bytes = 0;
  private written: ChangelogPosition | undefined;

  open(): Promise<ChangelogPosition | undefined> {
    return Promise.resolve(undefined);
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return Promise.resolve(
      keys.map((key) => {
        const value = this.entries.get(textOf(key));
        return value === undefined ? undefined : Buffer.from(value, 'latin1');
      }),
    );
  }

  write({ keys, values }: StoreWrites, position: ChangelogPosition): Promise<void> {
    this.written = position;
    for (let i = 0; i < keys.length; i++) {
      const key = textOf(keys[i]);
      const value = values[i];
      const before = this.entries.get(key);
      if (before !== undefined) this.bytes -= before.length + key.length + ENTRY_OVERHEAD_BYTES;
      if (value === null) {
        if (this.entries.delete(key)) this.order?.delete(key);
        continue;
      }
      this.entries.set(key, textOf(value));
      this.bytes += value.length + key.length + ENTRY_OVERHEAD_BYTES;
      if (before === undefined) this.order?.add(key);
    }
    return Promise.resolve();
  }

  openCursor({ gte, lt }: KeyBounds, { reverse }: { readonly reverse: boolean }): StoreCursor {
    this.order ??= new OrderedKeys(this.entries.keys());
    const keys = this.order.slice(gte && textOf(gte), lt && textOf(lt));
    if (reverse) keys.reverse();
    // Values are replaced, never changed, so holding them is a snapshot.
    const values = keys.map((key) => this.entries.get(key) as string);
    return new MemoryCursor(keys, values);
  }

  position(): Promise<ChangelogPosition | undefined> {
    return Promise.resolve(this.written);
  }

  approximateEntries(): Promise<number> {
    return Promise.resolve(this.entries.size);
  }

  approximateBytes(): Promise<number> {
    return Promise.resolve(this.bytes);
  }

  close(): Promise<void> {
    this.entries = new Map();
    this.order = undefined;
    this.bytes = 0;
    this.written = undefined;
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.close();
  }
}

class MemoryCursor implements StoreCursor {
  private at = 0;
  private isClosed = false;

  constructor(
    private readonly keys: readonly string[],
    private readonly values: readonly string[],
  ) {}

  next(limit: number, maxBytes = Infinity): Promise<StoreEntries> {
    if (this.isClosed) return Promise.resolve(NOTHING);
    const from = this.at;
    const end = Math.min(this.keys.length, from + limit);
    for (let bytes = 0; this.at < end && bytes < maxBytes; this.at++)
      bytes += this.keys[this.at].length + this.values[this.at].length;
    return Promise.resolve({
      keys: this.keys.slice(from, this.at).map((key) => Buffer.from(key, 'latin1')),
      values: this.values.slice(from, this.at).map((value) => Buffer.from(value, 'latin1')),
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1');
}
