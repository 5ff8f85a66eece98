import { writeInt64 } from '../records/int64.js';

type WriteItem<T> = (writer: ByteWriter, item: T) => void;

/** Writes Kafka's primitive types into a growing buffer. The `compact` forms are those of flexible versions (KIP-482). */
export class ByteWriter {
  private storage: Buffer;
  private end = 0;

  constructor(initialBytes = 256) {
    this.storage = Buffer.allocUnsafe(initialBytes);
  }

  /** The bytes written so far, as a view. */
  bytesWritten(): Buffer {
    return this.storage.subarray(0, this.end);
  }

  int8(value: number): this {
    this.storage.writeInt8(value, this.claim(1));
    return this;
  }

  int16(value: number): this {
    this.storage.writeInt16BE(value, this.claim(2));
    return this;
  }

  int32(value: number): this {
    this.storage.writeInt32BE(value, this.claim(4));
    return this;
  }

  int64(value: number): this {
    writeInt64(this.storage, value, this.claim(8));
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  raw(bytes: Uint8Array): this {
    this.storage.set(bytes, this.claim(bytes.length));
    return this;
  }

  string(text: string | null): this {
    if (text === null) return this.int16(-1);
    const length = Buffer.byteLength(text);
    this.int16(length).storage.write(text, this.claim(length), 'utf8');
    return this;
  }

  bytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.int32(-1) : this.int32(bytes.length).raw(bytes);
  }

  array<T>(items: readonly T[], write: WriteItem<T>): this {
    this.int32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  unsignedVarint(value: number): this {
    let v = value >>> 0;
    for (; v > 127; v >>>= 7) this.int8((((v & 127) | 128) << 24) >> 24);
    return this.int8(v);
  }

  compactString(text: string | null): this {
    if (text === null) return this.unsignedVarint(0);
    const length = Buffer.byteLength(text);
    this.unsignedVarint(length + 1).storage.write(text, this.claim(length), 'utf8');
    return this;
  }

  compactArray<T>(items: readonly T[], write: WriteItem<T>): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) write(this, item);
    return this;
  }

  /** An empty tag buffer. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  private claim(bytes: number): number {
    const start = this.end;
    const needed = start + bytes;
    if (needed > this.storage.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.storage.length * 2, needed));
      this.storage.copy(larger, 0, 0, start);
      this.storage = larger;
    }
    this.end = needed;
    return start;
  }
}
