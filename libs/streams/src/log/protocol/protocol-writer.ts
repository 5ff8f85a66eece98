import { writeInt64 } from '../../bytes/int64.js';

/**
 * Writes Kafka's primitive types into one growing buffer. 64-bit integers are safe numbers. `compact*` are the flexible versions'
 * encodings (KIP-482).
 */
export class ProtocolWriter {
  /** kafkajs sends any object that has `buf`, the buffer with its tail, and `buffer`, the written part. */
  buf: Buffer;
  private length = 0;

  constructor(sizeHint = 256) {
    this.buf = Buffer.allocUnsafe(sizeHint);
  }

  get buffer(): Buffer {
    return this.buf.subarray(0, this.length);
  }

  int8(value: number): this {
    this.reserve(1);
    this.length = this.buf.writeInt8(value, this.length);
    return this;
  }

  int16(value: number): this {
    this.reserve(2);
    this.length = this.buf.writeInt16BE(value, this.length);
    return this;
  }

  int32(value: number): this {
    this.reserve(4);
    this.length = this.buf.writeInt32BE(value, this.length);
    return this;
  }

  int64(value: number): this {
    this.reserve(8);
    writeInt64(this.buf, value, this.length);
    this.length += 8;
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buf.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    return this.int16(Buffer.byteLength(value)).utf8(value);
  }

  bytes(value: Uint8Array | null): this {
    return value === null ? this.int32(-1) : this.int32(value.length).raw(value);
  }

  array<T>(items: readonly T[] | null, write: (writer: this, item: T) => void): this {
    if (items === null) return this.int32(-1);
    this.int32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  unsignedVarint(value: number): this {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 127) {
      this.buf[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buf[this.length++] = rest;
    return this;
  }

  compactString(value: string | null): this {
    if (value === null) return this.unsignedVarint(0);
    return this.unsignedVarint(Buffer.byteLength(value) + 1).utf8(value);
  }

  compactArray<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) write(this, item);
    return this;
  }

  /** An empty set of tagged fields. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  private utf8(value: string): this {
    this.reserve(value.length * 3);
    this.length += this.buf.write(value, this.length, 'utf8');
    return this;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buf.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buf.length * 2, this.length + bytes));
    this.buf.copy(larger, 0, 0, this.length);
    this.buf = larger;
  }
}
