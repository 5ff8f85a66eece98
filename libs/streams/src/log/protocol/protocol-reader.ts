import { readInt64 } from '../../bytes/int64.js';

/** Reads Kafka's primitive types from a response. Byte fields are views on it. */
export class ProtocolReader {
  private at = 0;

  constructor(private readonly buffer: Buffer) {}

  int8(): number {
    return this.buffer.readInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.buffer.readInt32BE(this.at - 4);
  }

  int64(): number {
    this.at += 8;
    return readInt64(this.buffer, this.at - 8);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.view(length).toString('utf8');
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  nullableBytes(): Buffer | null {
    const length = this.int32();
    return length < 0 ? null : this.view(length);
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? Buffer.alloc(0);
  }

  /** '' for the zero id, which stands for none. */
  uuid(): string {
    const id = this.view(16).toString('hex');
    return /^0+$/.test(id) ? '' : id;
  }

  /** A null array reads as an empty one. */
  array<T>(read: (reader: this) => T): T[] {
    return this.items(this.int32(), read);
  }

  unsignedVarint(): number {
    let value = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = this.buffer.readUInt8(this.at++);
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    return value >>> 0;
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.view(length).toString('utf8');
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  compactArray<T>(read: (reader: this) => T): T[] {
    return this.items(this.unsignedVarint() - 1, read);
  }

  skipTags(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint();
      this.at += this.unsignedVarint();
    }
  }

  private items<T>(count: number, read: (reader: this) => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  private view(length: number): Buffer {
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }
}
