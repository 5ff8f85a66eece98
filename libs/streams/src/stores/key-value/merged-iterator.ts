import type { Serde } from '../../serdes/serde.js';
import type { StoreCursor } from '../store-engine.js';
import type { KeyValueIterator } from './key-value-store.js';

const CHUNK = 256;
const CHUNK_MAX_BYTES = 256 * 1024;

/** An entry that the engine does not show yet; undefined hides the engine's. */
export interface BufferedEntry<V> {
  readonly key: Uint8Array;
  readonly value: V | undefined;
}

/** Merges what the buffer held when the scan began, sorted in its direction, with the engine's entries of that moment. */
export class MergedIterator<K, V> implements KeyValueIterator<K, V> {
  private keys: readonly Uint8Array[] = [];
  private values: readonly Uint8Array[] = [];
  private at = 0;
  private bufferedAt = 0;
  private isEngineDone = false;
  private closing: Promise<void> | undefined;
  private readonly direction: 1 | -1;

  constructor(
    private readonly buffered: readonly BufferedEntry<V>[],
    private readonly cursor: StoreCursor,
    private readonly serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    reverse: boolean,
    private readonly onClose: (iterator: MergedIterator<K, V>) => void,
  ) {
    this.direction = reverse ? -1 : 1;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<[K, V], undefined>> {
    while (this.closing === undefined) {
      if (this.at === this.keys.length && !this.isEngineDone) await this.fill();
      const stored = this.at < this.keys.length ? this.keys[this.at] : undefined;
      const buffered = this.bufferedAt < this.buffered.length ? this.buffered[this.bufferedAt] : undefined;
      if (stored === undefined && buffered === undefined) break;
      const order =
        stored === undefined ? 1 : buffered === undefined ? -1 : Buffer.compare(stored, buffered.key) * this.direction;
      if (order < 0 && stored !== undefined) {
        const value = this.serdes.value.deserialize(this.values[this.at++]);
        return { done: false, value: [this.serdes.key.deserialize(stored), value] };
      }
      if (order === 0) this.at++;
      this.bufferedAt++;
      if (buffered?.value !== undefined)
        return { done: false, value: [this.serdes.key.deserialize(buffered.key), buffered.value] };
    }
    await this.close();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<[K, V], undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  close(): Promise<void> {
    if (this.closing === undefined) {
      this.onClose(this);
      this.closing = this.cursor.close();
    }
    return this.closing;
  }

  private async fill(): Promise<void> {
    const { keys, values } = await this.cursor.next(CHUNK, CHUNK_MAX_BYTES);
    this.keys = keys;
    this.values = values;
    this.at = 0;
    this.isEngineDone = keys.length === 0;
  }
}
