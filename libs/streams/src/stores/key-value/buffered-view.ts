import type { StoreDefinition } from '../../topology/store-definition.js';
import type { CommittedView } from '../state-store.js';
import type { CursorOptions, KeyBounds, StoreCursor, StoreEntries } from '../store-engine.js';
import { isWithin } from './is-within.js';
import type { WriteBackBuffer } from './write-back-buffer.js';

const NO_BYTES = new Uint8Array(0);

interface BufferedBytes {
  readonly key: Uint8Array;
  /** Undefined hides the engine's entry. */
  readonly value: Uint8Array | undefined;
}

/** An engine's entries with those that the buffer holds above them, as bytes. */
export class BufferedView implements CommittedView {
  constructor(
    private readonly buffer: WriteBackBuffer<unknown, unknown>,
    private readonly committed: CommittedView,
    private readonly definition: StoreDefinition,
  ) {}

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const { key: keySerde, value } = this.definition;
    const entry = this.buffer.peek(keySerde.deserialize(key));
    if (entry === undefined) return this.committed.get(key);
    return Promise.resolve(entry.value === undefined ? undefined : value.serialize(entry.value));
  }

  openCursor(bounds: KeyBounds, { reverse, keysOnly = false }: CursorOptions): StoreCursor {
    const { value: serde } = this.definition;
    const buffered: BufferedBytes[] = [];
    for (const { key, entry } of this.buffer.unapplied()) {
      if (!isWithin(key, bounds)) continue;
      const value = entry.value === undefined ? undefined : keysOnly ? NO_BYTES : serde.serialize(entry.value);
      buffered.push({ key, value });
    }
    const direction = reverse ? -1 : 1;
    buffered.sort((a, b) => Buffer.compare(a.key, b.key) * direction);
    return new BufferedCursor(buffered, this.committed.openCursor(bounds, { reverse, keysOnly }), direction);
  }
}

class BufferedCursor implements StoreCursor {
  private stored: StoreEntries = { keys: [], values: [] };
  private storedAt = 0;
  private bufferedAt = 0;
  private isEngineDone = false;

  constructor(
    private readonly buffered: readonly BufferedBytes[],
    private readonly cursor: StoreCursor,
    private readonly direction: 1 | -1,
  ) {}

  async next(limit: number, maxBytes = Infinity): Promise<StoreEntries> {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    let bytes = 0;
    while (keys.length < limit && bytes < maxBytes) {
      if (this.storedAt === this.stored.keys.length && !this.isEngineDone) await this.fill(limit, maxBytes);
      const key = this.stored.keys[this.storedAt] as Uint8Array | undefined;
      const buffered = this.buffered[this.bufferedAt] as BufferedBytes | undefined;
      if (key === undefined && buffered === undefined) break;
      const order =
        key === undefined ? 1 : buffered === undefined ? -1 : Buffer.compare(key, buffered.key) * this.direction;
      if (order < 0) {
        const value = this.stored.values[this.storedAt++];
        keys.push(key!);
        values.push(value);
        bytes += key!.length + value.length;
        continue;
      }
      if (order === 0) this.storedAt++;
      this.bufferedAt++;
      if (buffered?.value === undefined) continue;
      keys.push(buffered.key);
      values.push(buffered.value);
      bytes += buffered.key.length + buffered.value.length;
    }
    return { keys, values };
  }

  close(): Promise<void> {
    return this.cursor.close();
  }

  private async fill(limit: number, maxBytes: number): Promise<void> {
    this.stored = await this.cursor.next(limit, maxBytes);
    this.storedAt = 0;
    this.isEngineDone = this.stored.keys.length === 0;
  }
}
