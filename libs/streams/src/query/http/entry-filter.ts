import { ValueFilter } from '../reads/value-filter.js';
import type { ScanEntry, ScanPosition } from '../scan/merge-streams.js';
import type { ScannedStream } from '../scan/store-scans.js';

/** Which entries of a scan the caller gets. */
export type EntryFilter = (entry: ScanEntry) => boolean | Promise<boolean>;

/** What one answer looks at to find the entries of a page, which may be few among many. */
const PAGE_LOOKS_AT = 20_000;
/** Bytes of keys and values that one answer looks at; the entry that reaches them is its last. */
const PAGE_MAX_BYTES = 16 * 1024 * 1024;

export interface EntryFilterOptions {
  /** Whether the caller may see the entry of a key at all; undefined: all. */
  readonly mayRead: ((key: Uint8Array) => boolean | Promise<boolean>) | undefined;
  /** To be met by what the caller sees: conditions on what is hidden would tell it bit by bit. */
  readonly where: readonly string[];
  readonly seen: (entry: ScanEntry) => unknown;
}

/** @returns undefined where all entries pass. @throws QueryError `invalid-parameter` */
export function entryFilter({ mayRead, where, seen }: EntryFilterOptions): EntryFilter | undefined {
  if (mayRead === undefined && where.length === 0) return undefined;
  const conditions = new ValueFilter(where);
  const matches = (entry: ScanEntry): boolean => where.length === 0 || conditions.matches(seen(entry));
  if (mayRead === undefined) return matches;
  return async (entry) => (await mayRead(entry.key)) && matches(entry);
}

export interface FilteredPage {
  readonly entries: readonly ScanEntry[];
  /** Absent where nothing follows. */
  readonly next?: string;
}

/** Up to `limit` entries that pass, fewer where those are rare or entries are large. Where it ends early does not depend on which of them pass. */
export async function filteredPage(
  { batches, cursorBehind }: ScannedStream,
  passes: EntryFilter,
  limit: number,
): Promise<FilteredPage> {
  const entries: ScanEntry[] = [];
  let last: ScanPosition | undefined;
  let left = PAGE_LOOKS_AT;
  let bytes = 0;
  for await (const batch of batches)
    for (const entry of batch) {
      if (last !== undefined && (entries.length >= limit || left <= 0 || bytes >= PAGE_MAX_BYTES))
        return { entries, next: cursorBehind(last) };
      left--;
      bytes += entry.key.length + entry.value.length;
      last = entry;
      if (await passes(entry)) entries.push(entry);
    }
  return { entries };
}
