import { bufferOf } from '../../bytes/buffer-of.js';
import { LogError } from '../../errors/log-error.js';
import type { IsolationLevel, Log } from '../../log/log.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';
import { isWithin } from '../../stores/key-value/is-within.js';
import type { KeyBounds } from '../../stores/store-engine.js';
import type { Clock } from '../../time/clock.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { QueryError } from '../problem/query-error.js';
import { LATEST_COMMITTED, type PartitionReads } from '../reads/partition-reads.js';
import { bounds, isEmptyRange, keyAfter } from '../scan/key-range.js';
import type { ChangelogTails } from './tail/changelog-tails.js';
import type { FeedPosition } from './feed-position.js';
import { FeedHorizon, type ChangelogEnds } from './feed-horizon.js';
import { FeedReader } from './feed-reader.js';
import { awaitWithSigns } from './snapshot/await-with-signs.js';
import { SnapshotMarks } from './snapshot/snapshot-marks.js';

export type FeedEvent =
  /** All entries follow; whatever was known before is to be forgotten. */
  | { readonly type: 'snapshot-begin' }
  | { readonly type: 'entry'; readonly key: Uint8Array; readonly value: Uint8Array }
  /** Everything was told as of this position; changes follow. Owners have been where `shown` says, while the position may be behind the marker of a transaction. */
  | { readonly type: 'snapshot-end'; readonly position: FeedPosition; readonly shown: FeedPosition['offsets'] }
  /** A null value is a deletion. Before the snapshot has ended there is no position to go on from. */
  | {
      readonly type: 'change';
      readonly key: Uint8Array;
      readonly value: Uint8Array | null;
      readonly position: FeedPosition | undefined;
    }
  /** The feed has come to a position without a change to tell, or begins there. */
  | { readonly type: 'bookmark'; readonly position: FeedPosition }
  /** Nothing happened for a while. */
  | { readonly type: 'idle' };

export interface FeedRequest {
  readonly range: KeyBounds;
  /** All, or that of a key. */
  readonly partitions: readonly number[];
  /** Go on behind this. Absent: from now on. */
  readonly after?: FeedPosition;
  /** Begin with all entries; not together with `after`. */
  readonly hasSnapshot: boolean;
  readonly signal: AbortSignal;
}

export interface StoreFeedOptions {
  readonly applicationId: string;
  readonly definition: StoreDefinition;
  readonly partitionCount: number;
  readonly log: Log;
  /** Most bytes of a decompressed batch; absent: the reader's default. */
  readonly batchMaxBytes?: number;
  readonly reads: PartitionReads;
  /** Shared by all feeds of the instance. */
  readonly tails: ChangelogTails;
  readonly clock: Clock;
}

const PAGE_ENTRIES = 1000;
const IDLE_AFTER_MS = 10_000;
const BOOKMARK_EVERY_MS = 5000;
/** How far the clock of the instance that gave a position may be ahead. */
const CLOCK_SKEW_MS = 60_000;
const DEFAULT_DELETE_RETENTION_MS = 24 * 3_600_000;

/**
 * The entries of a store and every committed change of them, in the order of each partition's changelog. The snapshot is read from the owners, the
 * changes from the changelog, so any instance can serve a feed, and go on with one that another instance began. Feeds that have caught up share one
 * reader.
 */
export class StoreFeed {
  private readonly topic: string;

  /** @throws QueryError `feed-unavailable` for a store without changelog */
  constructor(private readonly options: StoreFeedOptions) {
    const { applicationId, definition } = options;
    if (!definition.changelog.isEnabled)
      throw new QueryError(
        'feed-unavailable',
        `The store "${definition.name}" has no changelog to read changes from.`,
        {
          members: { store: definition.name },
        },
      );
    this.topic = changelogTopic(applicationId, definition.name);
  }

  /** @throws QueryError `feed-gone` where changes since `after` cannot all be told, and as a scan does. */
  async open({ range, partitions, after, hasSnapshot, signal }: FeedRequest): Promise<AsyncGenerator<FeedEvent>> {
    const { clock } = this.options;
    const look = (): Promise<ChangelogEnds> => this.ends(partitions, 'read_committed');
    if (after !== undefined) {
      const [ends, retentionMs] = await this.checkPosition(after, partitions);
      const horizon = new FeedHorizon({ clock, at: after.at, ends, retentionMs, look });
      return this.run({ range, partitions, start: after.offsets, isResumed: true, horizon, signal });
    }
    const at = clock.now();
    // Before anything is answered: what is not readable now is a problem document, not the end of a stream.
    const [first, ends, retentionMs] = await Promise.all([
      hasSnapshot ? this.page(partitions[0], range, false) : undefined,
      hasSnapshot ? undefined : look(),
      this.retentionMs(),
    ]);
    const horizon = new FeedHorizon({ clock, at, retentionMs, look });
    return this.run({ range, partitions, first, start: ends?.offsets ?? [], isResumed: false, horizon, signal });
  }

  private async *run({
    range,
    partitions,
    first,
    start,
    isResumed,
    horizon,
    signal,
  }: OpenedFeed): AsyncGenerator<FeedEvent> {
    const offsets = Array<number | undefined>(this.options.partitionCount).fill(undefined);
    for (const partition of partitions) offsets[partition] = start[partition];
    const marks = new Map<number, SnapshotMarks>();
    // From the beginning, so that the tail still has what changes during a short snapshot.
    const reader = new FeedReader({ ...this.options, topic: this.topic, partitions });
    try {
      if (first !== undefined) {
        yield { type: 'snapshot-begin' };
        for (const partition of partitions) {
          const known = new SnapshotMarks();
          marks.set(partition, known);
          offsets[partition] = yield* this.snapshot(
            partition,
            range,
            known,
            partition === partitions[0] ? first : undefined,
            signal,
          );
          if (signal.aborted) return;
        }
      } else if (!isResumed) {
        // Before its first event a feed that breaks off has no place to go on from, and would lose what changes meanwhile.
        yield { type: 'bookmark', position: { at: horizon.at, offsets: [...offsets] } };
      }
      yield* this.follow(reader, { range, offsets, marks, horizon }, signal);
    } finally {
      await reader.close();
    }
  }

  /** @returns where the changes of the partition begin; undefined if `signal` has ended the feed before. */
  private async *snapshot(
    partition: number,
    range: KeyBounds,
    marks: SnapshotMarks,
    first: Page | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<FeedEvent, number | undefined> {
    const { clock } = this.options;
    let start: number | undefined;
    let left = range;
    for (let page = first; ; page = undefined) {
      page ??= yield* awaitWithSigns(this.page(partition, left, true), { clock, idleAfterMs: IDLE_AFTER_MS, signal });
      if (page === undefined) return undefined;
      start = Math.min(start ?? page.position, page.position);
      marks.add(page.lookedAt, page.position);
      for (let i = 0; i < page.keys.length && !signal.aborted; i++)
        yield { type: 'entry', key: page.keys[i], value: page.values[i] };
      if (signal.aborted) return undefined;
      if (page.lookedAt === undefined) return start;
      left = bounds(keyAfter(page.lookedAt), range.lt);
      if (!isEmptyRange(left)) continue;
      marks.add(undefined, page.position);
      return start;
    }
  }

  /** @param isBegun a partition that moves meanwhile is waited for then. */
  private async page(partition: number, range: KeyBounds, isBegun: boolean): Promise<Page> {
    const target = { store: this.options.definition.name, partition };
    const part = { range, reverse: false, limit: PAGE_ENTRIES, isBulk: true };
    const bound = isBegun ? { ...LATEST_COMMITTED, waitMs: 30_000 } : LATEST_COMMITTED;
    const { keys, values, lookedAt, freshness } = await this.options.reads.scan(target, part, bound);
    return { keys, values, lookedAt, position: freshness.position };
  }

  private async *follow(reader: FeedReader, progress: FeedProgress, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    const { clock } = this.options;
    const { offsets, marks, horizon } = progress;
    let toldAt = clock.monotonic();
    let isMoved = false;
    while (!signal.aborted) {
      if (marks.size > 0 && hasPassed(marks, offsets)) {
        const shown = offsets.map((_, partition) => marks.get(partition)?.end);
        marks.clear();
        yield { type: 'snapshot-end', position: positionOf(progress), shown };
        isMoved = false;
        toldAt = clock.monotonic();
      }
      const chunk = await reader.next(offsets, IDLE_AFTER_MS, signal).catch((error: unknown) => {
        throw this.lost(error);
      });
      const now = clock.monotonic();
      if (chunk === undefined && signal.aborted) return;
      const hasTold = chunk !== undefined && (yield* this.changes(chunk, progress));
      if (hasTold) toldAt = now;
      if (chunk !== undefined) isMoved = !hasTold;
      // Also where nothing changes: a position that is never told anew would grow too old to go on from.
      if (horizon.advance(offsets)) isMoved = true;
      if (chunk !== undefined && now - toldAt < BOOKMARK_EVERY_MS) continue;
      yield isMoved && marks.size === 0 ? { type: 'bookmark', position: positionOf(progress) } : { type: 'idle' };
      isMoved = false;
      toldAt = now;
    }
  }

  private async *changes(chunk: RecordChunk, progress: FeedProgress): AsyncGenerator<FeedEvent, boolean> {
    const { partition } = chunk;
    const { range, offsets, marks } = progress;
    const shown = marks.get(partition);
    let hasTold = false;
    for (let i = 0; i < chunk.count; i++) {
      const offset = chunk.offsets[i];
      const key = chunk.key(i);
      if (key === null || offset < (offsets[partition] ?? 0)) continue;
      offsets[partition] = offset + 1;
      if (!isWithin(key, range) || shown?.covers(key, offset)) continue;
      hasTold = true;
      // Whoever went on from there would be told again what the snapshot has shown.
      const position = marks.size > 0 ? undefined : positionOf(progress);
      yield { type: 'change', key: bufferOf(key), value: chunk.value(i), position };
    }
    offsets[partition] = Math.max(offsets[partition] ?? 0, chunk.bounds.nextOffset);
    return hasTold;
  }

  private async ends(partitions: readonly number[], isolation: IsolationLevel): Promise<ChangelogEnds> {
    const { log, partitionCount, clock } = this.options;
    const at = clock.now();
    const ends = await log.admin.endOffsets(this.partitionsOf(partitions), isolation);
    const offsets = Array<number | undefined>(partitionCount).fill(undefined);
    for (const { partition, offset } of ends) offsets[partition] = offset;
    return { at, offsets };
  }

  private async retentionMs(): Promise<number> {
    const config = await this.options.log.admin.describeConfig(this.topic);
    return Number(config.get('delete.retention.ms') ?? DEFAULT_DELETE_RETENTION_MS);
  }

  /** @returns where the changelog ends, and for how long it keeps deletions. @throws QueryError `feed-gone` */
  private async checkPosition(
    { at, offsets }: FeedPosition,
    partitions: readonly number[],
  ): Promise<[ChangelogEnds, number]> {
    const { log, partitionCount, clock } = this.options;
    const [begins, ends, retentionMs] = await Promise.all([
      log.admin.beginningOffsets(this.partitionsOf(partitions)),
      this.ends(partitions, 'read_uncommitted'),
      this.retentionMs(),
    ]);
    if (offsets.length !== partitionCount) throw gone('The store has another number of partitions by now.');
    if (at > clock.now() + CLOCK_SKEW_MS) throw gone('Its time is in the future, by the clock of this instance.');
    if (clock.now() - at > retentionMs) throw gone('Deletions since then may have been compacted away.');
    partitions.forEach((partition, index) => {
      const offset = offsets[partition];
      if (offset === undefined) throw gone('It belongs to a feed of other entries.');
      if (offset < begins[index].offset) throw gone('The changelog begins later.');
      if (offset > (ends.offsets[partition] ?? 0)) throw gone('The changelog ends before it, so it was made anew.');
    });
    return [ends, retentionMs];
  }

  private lost(error: unknown): unknown {
    const isGone = error instanceof LogError && error.kind === 'out-of-range';
    return isGone ? gone('The changelog no longer holds it.') : error;
  }

  private partitionsOf(partitions: readonly number[]): { topic: string; partition: number }[] {
    return partitions.map((partition) => ({ topic: this.topic, partition }));
  }
}

interface OpenedFeed {
  readonly range: KeyBounds;
  readonly partitions: readonly number[];
  /** Of the snapshot; undefined without one. */
  readonly first?: Page | undefined;
  /** Where the changes begin, without a snapshot. */
  readonly start: readonly (number | undefined)[];
  readonly isResumed: boolean;
  readonly horizon: FeedHorizon;
  readonly signal: AbortSignal;
}

/** How far a feed has come. */
interface FeedProgress {
  readonly range: KeyBounds;
  /** The next one of each partition. */
  readonly offsets: (number | undefined)[];
  /** Of a snapshot, which ends once all that its pages show has been passed; empty without one. */
  readonly marks: Map<number, SnapshotMarks>;
  readonly horizon: FeedHorizon;
}

interface Page {
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  readonly lookedAt: Uint8Array | undefined;
  readonly position: number;
}

function positionOf({ offsets, horizon }: FeedProgress): FeedPosition {
  return { at: horizon.at, offsets: [...offsets] };
}

function hasPassed(marks: ReadonlyMap<number, SnapshotMarks>, offsets: readonly (number | undefined)[]): boolean {
  for (const [partition, each] of marks) if (!each.endBefore(offsets[partition] ?? 0)) return false;
  return true;
}

function gone(reason: string): QueryError {
  return new QueryError('feed-gone', `The feed cannot go on from this position. ${reason}`);
}
