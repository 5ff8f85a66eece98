import { open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '../../../bytes/crc32c.js';
import { RocksDbError } from './rocksdb-error.js';

const BLOCK_BYTES = 32_768;
/** Checksum, length, type. */
const HEADER_BYTES = 7;
/** Sequence number and count of a write batch. */
const BATCH_HEADER_BYTES = 12;

const RecordType = { zero: 0, full: 1, first: 2, middle: 3, last: 4 } as const;

/**
 * Reads the manifest and the write-ahead logs of a closed database as RocksDB would (db/log_format.h), and finds what it passes over in silence: records
 * left out while those after them are applied, which the `rocksdb` package does with damaged ones since it opens with `paranoid_checks` off, and a
 * manifest that lacks its end. A last write-ahead log that ends early is in order: the position ends with it.
 * @throws RocksDbError of kind `corrupted`
 */
export async function checkLogFiles(directory: string): Promise<void> {
  const names = await readdir(directory);
  const manifest = names.includes('CURRENT') ? (await readFile(join(directory, 'CURRENT'), 'utf8')).trim() : '';
  // What CURRENT says is checked by RocksDB.
  if (names.includes(manifest)) {
    const walk = await walkThrough(directory, manifest, new LogWalk(directory, manifest, false));
    if (walk.endsEarly) throw damaged(directory, manifest, 'it ends early');
  }
  const logs = names
    .filter((name) => /^\d+\.log$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  for (const name of logs) {
    const walk = await walkThrough(directory, name, new LogWalk(directory, name, true));
    if (walk.endsEarly && name !== logs.at(-1)) throw damaged(directory, name, 'it ends early, and others follow it');
  }
}

async function walkThrough(directory: string, name: string, walk: LogWalk): Promise<LogWalk> {
  const handle = await open(join(directory, name));
  try {
    await walk.read(handle);
    return walk;
  } finally {
    await handle.close();
  }
}

/** One pass over one log. */
class LogWalk {
  endsEarly = false;
  private isInRecord = false;
  /** Of the batch under way, as far as it was read. */
  private head = Buffer.alloc(0);
  private nextSequence: number | undefined;

  constructor(
    private readonly directory: string,
    private readonly name: string,
    private readonly holdsWrites: boolean,
  ) {}

  async read(handle: FileHandle): Promise<void> {
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    for (;;) {
      const bytesRead = await fill(handle, block);
      if (bytesRead === 0) break;
      if (!this.readBlock(block.subarray(0, bytesRead)) || bytesRead < BLOCK_BYTES) break;
    }
    if (!this.endsEarly) this.endsEarly = this.isInRecord;
    else await this.requireNothingElse(handle, block);
  }

  /** @returns false if the log ends in this block. */
  private readBlock(block: Buffer): boolean {
    let at = 0;
    while (at + HEADER_BYTES <= block.length) {
      const length = block.readUInt16LE(at + 4);
      const type = block[at + 6]!;
      const end = at + HEADER_BYTES + length;
      if (type === RecordType.zero && length === 0) return this.end(block, at);
      if (end > block.length) {
        // A whole block holds whole records; a cut one is the end of the file.
        if (block.length === BLOCK_BYTES) throw this.damage('a record is longer than its block');
        this.endsEarly = true;
        return false;
      }
      if (unmasked(block.readUInt32LE(at)) !== crc32c(block, at + 6, end)) throw this.damage('a checksum is wrong');
      this.take(type, block.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.endsEarly = block.length < BLOCK_BYTES && at < block.length;
    return !this.endsEarly;
  }

  private take(type: number, payload: Buffer): void {
    const begins = type === RecordType.full || type === RecordType.first;
    if (type > RecordType.last || begins === this.isInRecord) throw this.damage('its records do not follow each other');
    this.isInRecord = type === RecordType.first || type === RecordType.middle;
    if (!this.holdsWrites) return;
    if (begins) this.head = Buffer.alloc(0);
    if (this.head.length === BATCH_HEADER_BYTES) return;
    // Even the header of a batch may be parted between two blocks.
    this.head = Buffer.concat([this.head, payload.subarray(0, BATCH_HEADER_BYTES - this.head.length)]);
    if (this.head.length === BATCH_HEADER_BYTES) this.number(this.head);
  }

  /** Writes are numbered without holes within a log. */
  private number(head: Buffer): void {
    const sequence = Number(head.readBigUInt64LE(0));
    if (this.nextSequence !== undefined && sequence !== this.nextSequence)
      throw this.damage('writes are missing in the middle');
    this.nextSequence = sequence + head.readUInt32LE(8);
  }

  /** Space that was reserved and not used. */
  private end(block: Buffer, at: number): boolean {
    this.requireZeros(block.subarray(at));
    this.endsEarly = true;
    return false;
  }

  private async requireNothingElse(handle: FileHandle, block: Buffer): Promise<void> {
    for (let read = await fill(handle, block); read > 0; read = await fill(handle, block))
      this.requireZeros(block.subarray(0, read));
  }

  private requireZeros(bytes: Buffer): void {
    if (bytes.some((byte) => byte !== 0)) throw this.damage('records follow an empty place');
  }

  private damage(reason: string): RocksDbError {
    return damaged(this.directory, this.name, reason);
  }
}

async function fill(handle: FileHandle, block: Buffer): Promise<number> {
  let filled = 0;
  while (filled < block.length) {
    const { bytesRead } = await handle.read(block, filled, block.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Stored checksums are rotated and shifted, so that a checksum of bytes with checksums in them is no trivial one. */
function unmasked(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

function damaged(directory: string, name: string, reason: string): RocksDbError {
  return new RocksDbError('corrupted', directory, `${name} is damaged: ${reason}`);
}
