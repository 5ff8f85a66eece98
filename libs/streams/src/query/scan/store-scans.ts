import type { StoreDefinition } from '../../topology/store-definition.js';
import { QueryError } from '../problem/query-error.js';
import { incompleteScan, isMissing, type UnreadPartition } from '../problem/missing-problem.js';
import { type Freshness, type PartitionReads, type ReadBounds } from '../reads/partition-reads.js';
import { PART_MAX_BYTES } from '../reads/part-scan.js';
import { ValueFilter } from '../reads/value-filter.js';
import { readRange, type KeyRange, type ScanOrder } from './key-range.js';
import { mergeAll, mergePage, type ScanEntry, type ScanPosition } from './merge-streams.js';
import { PageCursors, type CursorScope } from './page-cursor.js';
import { PartitionStream, type PartitionStreamOptions } from './partition-stream.js';
import { remainingRange } from './remaining-range.js';
import type { SharedCounts } from './shared-counts.js';

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 1000;
const MIN_CHUNK = 16;
/** Entries of all partitions that a stream holds at a time. */
const STREAM_ENTRIES = 20_000;
const STREAM_CHUNK = 2000;
const BATCH = 512;
/** Bytes of all partitions that a page or a stream reads at a time, unless the parts would become too small. */
const SCAN_MAX_BYTES = 8 * 1024 * 1024;
const PART_MIN_BYTES = 64 * 1024;

export interface ScanQuery extends KeyRange {
  readonly order?: ScanOrder;
  /** Conditions that values have to meet, such as `balance>=100`. */
  readonly where?: readonly string[];
  /** The caller applies `where` to what comes; cursors are bound to it all the same. */
  readonly isFilteredLater?: boolean;
  /** Answer what can be read, and name the partitions that cannot. Default false: such a scan has no answer. */
  readonly allowsPartial?: boolean;
}

export interface CountQuery extends ScanQuery {
  /** Adds up what the engines estimate, at once; of the whole store only. Default false. */
  readonly isApproximate?: boolean;
}

export interface StreamQuery extends ScanQuery {
  /** `next` of what was read before: goes on behind it. */
  readonly cursor?: string;
  /** How many entries are wanted, 1 or more. Pages have `MAX_PAGE_LIMIT` at most; streams do not end there, but read no more at a time than that asks for. */
  readonly limit?: number;
}

export type PageQuery = StreamQuery;

/** Where a scan reads, and how fresh that has to be. */
export interface ScanTarget {
  readonly definition: StoreDefinition;
  readonly partitionCount: number;
  readonly boundsOf: (partition: number) => ReadBounds;
}

export interface ScannedPage {
  readonly entries: readonly ScanEntry[];
  /** Absent on the last page, and only there. */
  readonly next?: string;
  /** Of the partitions that were read. */
  readonly freshness: readonly Freshness[];
  /** Only if the scan allows it. */
  readonly unreachable: readonly UnreadPartition[];
}

export interface ScannedStream {
  readonly batches: AsyncGenerator<readonly ScanEntry[]>;
  /** The cursor of whoever stops behind an entry. */
  readonly cursorBehind: (entry: ScanPosition) => string;
  readonly freshness: readonly Freshness[];
  readonly unreachable: readonly UnreadPartition[];
}

export interface ScannedCount {
  readonly count: number;
  readonly freshness: readonly Freshness[];
  readonly unreachable: readonly UnreadPartition[];
}

/** Reads all partitions of a store, in the order of their keys. */
export class StoreScans {
  constructor(
    private readonly reads: PartitionReads,
    private readonly cursors: PageCursors,
    private readonly counts: SharedCounts,
  ) {}

  async page(target: ScanTarget, query: PageQuery): Promise<ScannedPage> {
    const { partitionCount } = target;
    const { order = 'asc' } = query;
    const limit = Math.min(query.limit ?? DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT);
    const { scope, after } = this.resume(target, query);
    const chunk = chunkFor(limit, partitionCount);
    const { streams, unreachable } = await this.open(target, query, {
      chunk,
      chunkMax: chunk,
      after,
      readsAhead: false,
    });
    const { entries, last } = await mergePage(streams, order, limit);
    return {
      entries,
      ...(last && { next: this.cursors.write(last, scope) }),
      freshness: freshnessOf(streams),
      unreachable,
    };
  }

  /** Every entry behind the cursor; fails between two batches if a partition cannot be read any more. */
  async stream(target: ScanTarget, query: StreamQuery): Promise<ScannedStream> {
    const { scope, after } = this.resume(target, query);
    const chunkMax = Math.max(MIN_CHUNK, Math.min(STREAM_CHUNK, Math.floor(STREAM_ENTRIES / target.partitionCount)));
    const limit = query.limit ?? Infinity;
    const chunk = Math.min(chunkMax, chunkFor(limit, target.partitionCount));
    // Whoever takes few entries has no use for what is read ahead.
    const readsAhead = chunk === chunkMax;
    const { streams, unreachable } = await this.open(target, query, { chunk, chunkMax, after, readsAhead });
    return {
      batches: mergeAll(streams, query.order ?? 'asc', Math.min(BATCH, limit + 1), (partition, error) =>
        isMissing(error)
          ? incompleteScan(target.definition.name, [{ partition, error }], target.partitionCount)
          : error,
      ),
      cursorBehind: (entry) => this.cursors.write(entry, scope),
      freshness: freshnessOf(streams),
      unreachable,
    };
  }

  async count(target: ScanTarget, query: CountQuery): Promise<ScannedCount> {
    const { definition, partitionCount, boundsOf } = target;
    const { where = [], isApproximate = false } = query;
    const range = readRange(definition, query);
    void new ValueFilter(where);
    if (isApproximate && (range.gte !== undefined || range.lt !== undefined || where.length > 0))
      throw new QueryError('invalid-parameter', 'An approximate count is one of the whole store.', {
        members: { parameter: 'approximate' },
      });
    const part = { range, reverse: false, limit: 1, where, ...(isApproximate && { isApproximate }) };
    const counted = await Promise.allSettled(
      partitions(partitionCount).map((partition) =>
        this.counts.of({ store: definition.name, partition }, part, boundsOf(partition)),
      ),
    );
    const unreachable = unread(target, query, counted);
    const done = counted.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    return {
      count: done.reduce((sum, { count }) => sum + count, 0),
      freshness: done.map(({ freshness }) => freshness),
      unreachable,
    };
  }

  /** @throws QueryError of a cursor that is not for this query. */
  private resume(
    { definition, partitionCount }: ScanTarget,
    query: StreamQuery,
  ): { readonly scope: CursorScope; readonly after: ScanPosition | undefined } {
    const { order = 'asc', where = [], cursor } = query;
    const scope = { store: definition.name, order, bounds: readRange(definition, query), where, partitionCount };
    return { scope, after: cursor === undefined ? undefined : this.cursors.read(cursor, scope) };
  }

  private async open(
    target: ScanTarget,
    query: ScanQuery,
    {
      chunk,
      chunkMax,
      after,
      readsAhead,
    }: Pick<PartitionStreamOptions, 'chunk' | 'chunkMax' | 'readsAhead'> & { readonly after: ScanPosition | undefined },
  ): Promise<{ readonly streams: readonly PartitionStream[]; readonly unreachable: readonly UnreadPartition[] }> {
    const { definition, partitionCount, boundsOf } = target;
    const { order = 'asc', where: conditions = [], isFilteredLater = false } = query;
    const range = readRange(definition, query);
    // Refused here, before anybody is asked.
    void new ValueFilter(conditions);
    const where = isFilteredLater ? [] : conditions;
    const streams = partitions(partitionCount).map(
      (partition) =>
        new PartitionStream({
          reads: this.reads,
          target: { store: definition.name, partition },
          range: remainingRange(range, order, after, partition),
          reverse: order === 'desc',
          where,
          bounds: boundsOf(partition),
          chunk,
          chunkMax,
          maxBytes: Math.max(PART_MIN_BYTES, Math.min(PART_MAX_BYTES, Math.floor(SCAN_MAX_BYTES / partitionCount))),
          readsAhead,
        }),
    );
    const filled = await Promise.allSettled(streams.map((stream) => stream.fill()));
    const unreachable = unread(target, query, filled);
    return { streams: streams.filter((_, index) => filled[index].status === 'fulfilled'), unreachable };
  }
}

/** @throws QueryError of a failure that is not for want of a partition, or of a scan that has to see all of them. */
function unread(
  { definition: { name }, partitionCount }: ScanTarget,
  { allowsPartial = false }: ScanQuery,
  outcomes: readonly PromiseSettledResult<unknown>[],
): UnreadPartition[] {
  const missing = outcomes.flatMap((outcome, partition) => {
    if (outcome.status === 'fulfilled') return [];
    const error: unknown = outcome.reason;
    if (!isMissing(error)) throw error;
    return [{ partition, error }];
  });
  if (missing.length === 0) return [];
  const problem = incompleteScan(name, missing, partitionCount);
  if (!allowsPartial) throw problem;
  return problem.members['missing'] as UnreadPartition[];
}

/** Of a partition's entries, for `limit` in all: as many as make a second part rare. */
function chunkFor(limit: number, partitionCount: number): number {
  const share = Math.ceil((2 * (limit + 1)) / Math.max(1, partitionCount));
  return Math.min(limit + 1, Math.max(MIN_CHUNK, share));
}

function partitions(count: number): number[] {
  return Array.from({ length: count }, (_, partition) => partition);
}

function freshnessOf(streams: readonly PartitionStream[]): Freshness[] {
  return streams.flatMap(({ freshness }) => freshness ?? []);
}
