/** Reads a big-endian signed 64-bit integer; exact up to 2^53, which offsets, producer ids and timestamps never pass. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 4_294_967_296 + buffer.readUInt32BE(at + 4);
}

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 4_294_967_296), at);
  // ToUint32 is modulo 2^32, so this is exact for every safe integer, negative ones too.
  buffer.writeUInt32BE(value >>> 0, at + 4);
}
