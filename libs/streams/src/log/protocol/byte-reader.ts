import { readInt64 } from '../records/int64.js';

type ReadItem<T> = (reader: ByteReader) => T;

/** Reads Kafka's primitive types; byte fields are views on the buffer. @throws RangeError where the buffer ends too early. */
export class ByteReader {
  constructor(
    private readonly buffer: Buffer,
    private at = 0,
  ) {}

  int8(): number {
    return this.buffer.readInt8(this.advance(1));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.advance(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.advance(4));
  }

  int64(): number {
    return readInt64(this.buffer, this.advance(8));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.text(length);
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  /** Null reads as no bytes. */
  bytes(): Buffer {
    const length = this.int32();
    return length < 0 ? Buffer.alloc(0) : this.view(length);
  }

  /** Null reads as no items. */
  array<T>(read: ReadItem<T>): T[] {
    return this.items(this.int32(), read);
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.int8();
      value |= (byte & 127) << shift;
      if (byte >= 0) return value >>> 0;
    }
  }

  nullableCompactString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.text(length);
  }

  compactString(): string {
    return this.nullableCompactString() ?? '';
  }

  compactArray<T>(read: ReadItem<T>): T[] {
    return this.items(this.unsignedVarint() - 1, read);
  }

  skipTags(): void {
    for (let left = this.unsignedVarint(); left > 0; left--) {
      this.unsignedVarint();
      this.advance(this.unsignedVarint());
    }
  }

  private items<T>(count: number, read: ReadItem<T>): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  private text(length: number): string {
    return this.view(length).toString('utf8');
  }

  private view(length: number): Buffer {
    const start = this.advance(length);
    return this.buffer.subarray(start, start + length);
  }

  private advance(bytes: number): number {
    const start = this.at;
    if (start + bytes > this.buffer.length) {
      throw new RangeError(`response ends after ${this.buffer.length} bytes, ${start + bytes} were expected`);
    }
    this.at = start + bytes;
    return start;
  }
}
