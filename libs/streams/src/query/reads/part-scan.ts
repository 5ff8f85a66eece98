import type { CommittedView } from '../../stores/state-store.js';
import type { StoreEntries } from '../../stores/store-engine.js';
import type { CountAnswer, EntriesAnswer, ScanPart } from './partition-reads.js';

/** Entries of one read of the engine. */
const CHUNK = 1024;
const CHUNK_MAX_BYTES = 256 * 1024;
/** What one part may carry; a single entry may be larger. */
export const PART_MAX_BYTES = 1024 * 1024;
/** Entries that one part looks at, so that a condition that nothing meets does not read a whole store in one answer. */
const PART_MAX_ENTRIES = 20_000;

type Filter = ((value: Uint8Array) => boolean) | undefined;

/** Runs a step of a cursor when its turn has come. */
type TakeTurn = (step: () => Promise<StoreEntries>) => Promise<StoreEntries>;

/** One page of one partition. */
export async function scanPart(
  view: CommittedView,
  { range, reverse, limit, maxBytes = PART_MAX_BYTES }: ScanPart,
  filter: Filter,
  takeTurn: TakeTurn,
): Promise<Omit<EntriesAnswer, 'freshness'>> {
  const cursor = view.openCursor(range, { reverse });
  const found: { keys: Uint8Array[]; values: Uint8Array[] } = { keys: [], values: [] };
  const allowed = Math.min(PART_MAX_BYTES, maxBytes);
  let bytes = 0;
  let left = PART_MAX_ENTRIES;
  try {
    for (;;) {
      const count = filter ? CHUNK : Math.min(CHUNK, limit - found.keys.length);
      const stepBytes = filter ? CHUNK_MAX_BYTES : Math.min(CHUNK_MAX_BYTES, allowed - bytes);
      const { keys, values } = await takeTurn(() => cursor.next(count, stepBytes));
      if (keys.length === 0) return found;
      for (let i = 0; i < keys.length; i++) {
        left--;
        if (filter !== undefined && !filter(values[i])) {
          if (left <= 0) return { ...found, lookedAt: keys[i] };
          continue;
        }
        found.keys.push(keys[i]);
        found.values.push(values[i]);
        bytes += keys[i].length + values[i].length;
        if (found.keys.length >= limit || bytes >= allowed || left <= 0) return { ...found, lookedAt: keys[i] };
      }
    }
  } finally {
    await cursor.close();
  }
}

export async function countPart(
  view: CommittedView,
  { range }: ScanPart,
  filter: Filter,
  takeTurn: TakeTurn,
): Promise<Omit<CountAnswer, 'freshness'>> {
  const cursor = view.openCursor(range, { reverse: false, keysOnly: filter === undefined });
  let count = 0;
  try {
    for (let left = PART_MAX_ENTRIES; ;) {
      const { keys, values } = await takeTurn(() => cursor.next(CHUNK, CHUNK_MAX_BYTES));
      if (keys.length === 0) return { count };
      if (filter === undefined) count += keys.length;
      else for (const value of values) if (filter(value)) count++;
      left -= keys.length;
      if (left <= 0) return { count, lookedAt: keys[keys.length - 1] };
    }
  } finally {
    await cursor.close();
  }
}
