const BLOCK_BYTES = 128 * 1024;
const RAW = 0;
const REPEATED_BYTE = 1;

interface FrameOptions {
  /** Declared in the header; absent: the header does not say. */
  readonly contentBytes?: number;
  /** Default 17, a block. */
  readonly windowLog?: number;
  readonly hasChecksum?: boolean;
}

/** Blocks with these bytes as they are, or with as many zeros in four bytes each: Node 20 has no encoder. */
export function zstdBlocks(content: Buffer | number): Buffer {
  const length = typeof content === 'number' ? content : content.length;
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += BLOCK_BYTES) {
    const size = Math.min(BLOCK_BYTES, length - at);
    const isLast = at + size === length;
    const header = Buffer.alloc(3);
    header.writeUIntLE(
      (size << 3) | ((typeof content === 'number' ? REPEATED_BYTE : RAW) << 1) | (isLast ? 1 : 0),
      0,
      3,
    );
    parts.push(header, typeof content === 'number' ? Buffer.alloc(1) : content.subarray(at, at + size));
  }
  return Buffer.concat(parts);
}

/** A zstd frame. Its checksum, if it has one, is zero. */
export function zstdFrame(
  blocks: Buffer,
  { contentBytes, windowLog = 17, hasChecksum = false }: FrameOptions = {},
): Buffer {
  const flags = (contentBytes === undefined ? 0 : 0x80) | (hasChecksum ? 4 : 0);
  const size = Buffer.alloc(contentBytes === undefined ? 0 : 4);
  if (contentBytes !== undefined) size.writeUInt32LE(contentBytes);
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, flags, (windowLog - 10) << 3]),
    size,
    blocks,
    Buffer.alloc(hasChecksum ? 4 : 0),
  ]);
}
