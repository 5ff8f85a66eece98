import type { KeyBounds } from '../../stores/store-engine.js';
import type { ValueBudget } from './value-budget.js';

export type Isolation = 'committed' | 'uncommitted';

/** How fresh an answer has to be. */
export interface ReadBounds {
  /** Read what no commit has applied yet, too. */
  readonly isolation: Isolation;
  /** The changelog offset that the partition has to have reached. */
  readonly position?: number;
  /** Offsets of source topics, each the next one after a record whose effects have to be visible. */
  readonly sources?: readonly { readonly topic: string; readonly offset: number }[];
  /** A copy that is no older than this may answer. Absent: only the owner may, however sure it is of being that. */
  readonly maxStalenessMs?: number;
  /** How long to wait for the bounds to be met. */
  readonly waitMs: number;
  /** Ends the read, its waits and its calls of other instances with the reason of the abort. */
  readonly signal?: AbortSignal;
  /** Who asked, for the limits of calls of other instances; undefined: the application itself. Stays at this instance. */
  readonly client?: string;
}

/** Any state of the owner. */
export const LATEST_COMMITTED: ReadBounds = Object.freeze({ isolation: 'committed', waitMs: 0 });

/** For what goes on behind another part of the same partition. */
export function noOlderThan(bounds: ReadBounds, before: Freshness | undefined): ReadBounds {
  return before === undefined ? bounds : { ...bounds, position: Math.max(bounds.position ?? 0, before.position) };
}

/** What an answer shows, and who gave it. */
export interface Freshness {
  readonly partition: number;
  /** A changelog offset; everything before it is in the answer, and nothing behind it unless `uncommitted` was asked for. */
  readonly position: number;
  readonly role: 'active' | 'standby';
  /** Changelog records that the answering copy lacked, as of the last look; undefined if nobody has looked. */
  readonly lag: number | undefined;
  /** At most so old; 0 from an owner that nobody can have replaced. */
  readonly stalenessMs: number;
  readonly instanceId: string;
  /** Generation of the group that the answering instance knew. */
  readonly epoch: number;
}

export interface PartitionTarget {
  readonly store: string;
  readonly partition: number;
}

export interface ValuesAnswer {
  /** In the order of the keys; undefined where a key is absent. Values are missing from the end where the budget of the look-up was spent. */
  readonly values: readonly (Uint8Array | undefined)[];
  readonly freshness: Freshness;
}

export interface ScanPart {
  readonly range: KeyBounds;
  readonly reverse: boolean;
  /** Entries that are wanted; fewer come if their bytes, or the entries that had to be looked at, become too many. */
  readonly limit: number;
  /** Bytes of keys and values that the answer may carry; a single entry may be larger. Default and at most 1 MiB. */
  readonly maxBytes?: number;
  /** Conditions that values have to meet, as in the query parameter `where`. */
  readonly where?: readonly string[];
  /** Counts only: an estimate of the whole partition, whatever `range` says. Default false. */
  readonly isApproximate?: boolean;
  /** One of many parts that nobody waits for in particular: processing does not stand back for it. Default false. */
  readonly isBulk?: boolean;
}

export interface EntriesAnswer {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  /** Absent: the range holds nothing more. Otherwise everything up to this key was looked at. */
  readonly lookedAt?: Uint8Array;
  readonly freshness: Freshness;
}

export interface CountAnswer {
  readonly count: number;
  /** As in `EntriesAnswer`. */
  readonly lookedAt?: Uint8Array;
  readonly freshness: Freshness;
}

/**
 * Reads one partition of one store. This instance is one implementation, each peer another; the router, which chooses between them, is
 * a third. All of them reject with a `QueryError` where there is no answer.
 */
export interface PartitionReads {
  /** @param budget bounds the bytes of the values. Default: all values are answered. */
  get(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget?: ValueBudget,
  ): Promise<ValuesAnswer>;
  scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer>;
  /** Counts the entries of a part, `limit` apart. */
  count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer>;
}
