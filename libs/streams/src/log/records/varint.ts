/** Zigzag varints as record batches use them. Values beyond 32 bits go through the `Long` forms, exact up to 2^53. */

export function varintLength(value: number): number {
  const v = ((value << 1) ^ (value >> 31)) >>> 0;
  return v < 128 ? 1 : v < 16_384 ? 2 : v < 2_097_152 ? 3 : v < 268_435_456 ? 4 : 5;
}

/** @returns the position after the written bytes. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let v = ((value << 1) ^ (value >> 31)) >>> 0;
  while (v > 127) {
    buffer[at++] = (v & 127) | 128;
    v >>>= 7;
  }
  buffer[at++] = v;
  return at;
}

function zigzagLong(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

export function varlongLength(value: number): number {
  let v = zigzagLong(value);
  let length = 1;
  for (; v > 127; v = Math.floor(v / 128)) length++;
  return length;
}

/** @returns the position after the written bytes. */
export function writeVarlong(buffer: Uint8Array, at: number, value: number): number {
  let v = zigzagLong(value);
  while (v > 127) {
    buffer[at++] = (v % 128) | 128;
    v = Math.floor(v / 128);
  }
  buffer[at++] = v;
  return at;
}

/** Reads varints one after another. */
export class VarintCursor {
  constructor(
    readonly bytes: Uint8Array,
    public position: number,
  ) {}

  varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.position++]!;
    let v = byte & 127;
    for (let shift = 7; byte & 128; shift += 7) {
      byte = bytes[this.position++]!;
      v |= (byte & 127) << shift;
    }
    return (v >>> 1) ^ -(v & 1);
  }

  varlong(): number {
    const bytes = this.bytes;
    let byte = bytes[this.position++]!;
    let v = byte & 127;
    for (let weight = 128; byte & 128; weight *= 128) {
      byte = bytes[this.position++]!;
      v += (byte & 127) * weight;
    }
    return v % 2 ? -(v + 1) / 2 : v / 2;
  }
}
