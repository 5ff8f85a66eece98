const MAGIC = 0xfd2fb528;
/** Of frames for anything but content; the last four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const HEADER_BYTES = 6;
const BLOCK_HEADER_BYTES = 3;
const BLOCK_BYTES = 128 * 1024;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

/** A frame with content, by its headers alone (RFC 8878). */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  /** Undefined where the header does not say. */
  readonly contentBytes: number | undefined;
  /** Upper bound of the content, by the headers of its blocks. */
  readonly contentBound: number;
  /** Undefined where the content is the window. */
  readonly windowBytes: number | undefined;
}

/** @throws RangeError for a damaged frame. */
export function zstdFrames(bytes: Buffer): ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 8 > bytes.length) throw damaged('a frame is cut');
    const magic = bytes.readUInt32LE(at);
    if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== MAGIC) throw damaged('it has no frame header');
    const frame = frameAt(bytes, at);
    frames.push(frame);
    at = frame.end;
  }
  return frames;
}

function frameAt(bytes: Buffer, start: number): ZstdFrame {
  const flags = bytes[start + 4]!;
  const isSingleSegment = (flags & 32) !== 0;
  const hasChecksum = (flags & 4) !== 0;
  const sizeFlag = flags >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  const sizeAt = start + HEADER_BYTES - (isSingleSegment ? 1 : 0) + DICTIONARY_ID_BYTES[(flags & 3) as 0 | 1 | 2 | 3];
  if (sizeAt + sizeBytes > bytes.length) throw damaged('a frame header is cut');
  const contentBytes = sizeBytes === 0 ? undefined : contentSize(bytes, sizeAt, sizeBytes);
  const windowBytes = isSingleSegment ? undefined : windowSize(bytes[start + 5]!);
  let at = sizeAt + sizeBytes;
  let contentBound = 0;
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) throw damaged('a block header is cut');
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const isRepeatedByte = type === 1;
    contentBound += type === 2 ? Math.min(BLOCK_BYTES, windowBytes ?? BLOCK_BYTES) : size;
    at += BLOCK_HEADER_BYTES + (isRepeatedByte ? 1 : size);
  }
  if (hasChecksum) at += 4;
  if (at > bytes.length) throw damaged('a block is cut');
  return { start, end: at, contentBytes, contentBound, windowBytes };
}

function contentSize(bytes: Buffer, at: number, length: number): number {
  if (length === 8) return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
  const size = bytes.readUIntLE(at, length);
  return length === 2 ? size + 256 : size;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function damaged(why: string): RangeError {
  return new RangeError(`zstd bytes are damaged: ${why}`);
}
