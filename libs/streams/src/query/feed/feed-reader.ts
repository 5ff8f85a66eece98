import { closedError } from '../../log/client/kafka-error.js';
import type { Log, PartitionOffset, TopicPartition } from '../../log/log.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';
import { yieldToEventLoop } from '../../runtime/restore/yield-to-event-loop.js';
import type { Clock } from '../../time/clock.js';
import type { ChangelogTail } from './tail/changelog-tail.js';
import type { ChangelogTails } from './tail/changelog-tails.js';
import type { TailFollower } from './tail/tail-window.js';
import { WakeUp } from './tail/wake-up.js';

export interface FeedReaderOptions {
  readonly log: Log;
  readonly batchMaxBytes?: number;
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly tails: ChangelogTails;
  readonly clock: Clock;
}

const FETCH_MAX_BYTES = 256 * 1024;
/** Less than the tail has: there may be as many of these readers as there are slow clients. */
const PREFETCH_MAX_BYTES = 512 * 1024;

/**
 * The changelog as one feed reads it: partitions that have caught up from the tail, which all feeds of the store share, and those that are before its
 * window with a reader of its own, which is open only as long as there are any. It follows the tail from the moment it is made, and has to be closed.
 */
export class FeedReader implements TailFollower {
  readonly partitions: readonly number[];
  private readonly tail: ChangelogTail;
  private readonly waking = new WakeUp();
  private readonly behind = new Set<number>();
  private own: PartitionReader | undefined;
  private watched: PartitionReader | undefined;
  private failure: Error | undefined;
  private turn = 0;
  private isOwnTurn = false;

  constructor(private readonly options: FeedReaderOptions) {
    this.partitions = options.partitions;
    this.tail = options.tails.join(this, options);
  }

  get isWaiting(): boolean {
    return this.waking.isWaiting;
  }

  wake(): void {
    this.waking.wake();
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  /**
   * What follows at one of `offsets`, which hold the next one of each partition and are to be behind this chunk at the next call. The chunk may begin
   * before. Undefined when nothing came in that time, or `signal` aborted. @throws LogError when the changelog cannot be read on.
   */
  async next(
    offsets: readonly (number | undefined)[],
    maxWaitMs: number,
    signal: AbortSignal,
  ): Promise<RecordChunk | undefined> {
    const { clock } = this.options;
    const untilMs = clock.monotonic() + maxWaitMs;
    // A chunk in which nothing concerns the feed is passed without any wait.
    await yieldToEventLoop();
    while (!signal.aborted) {
      this.settle(offsets);
      if (this.own !== undefined && this.behind.size === 0) {
        await this.closeOwn();
        continue;
      }
      const chunk = this.take(offsets);
      if (chunk !== undefined) return chunk;
      const leftMs = untilMs - clock.monotonic();
      if (leftMs <= 0) return undefined;
      this.watchOwn(maxWaitMs);
      const woken = this.waking.wait(clock, leftMs, signal);
      this.tail.awaited();
      await woken;
    }
    return undefined;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.closeOwn(), this.tail.leave(this)]);
  }

  /** Gives each partition to the reader that has what it needs next. */
  private settle(offsets: readonly (number | undefined)[]): void {
    const late: PartitionOffset[] = [];
    for (const partition of this.partitions) {
      const start = this.tail.startOf(partition);
      const offset = offsets[partition] ?? 0;
      if (start === undefined || offset < start === this.behind.has(partition)) continue;
      const { topic } = this.options;
      if (this.behind.delete(partition)) {
        this.own?.remove([{ topic, partition }]);
      } else {
        this.behind.add(partition);
        late.push({ topic, partition, offset });
      }
    }
    if (late.length > 0) this.assignOwn(late);
  }

  /** From either by turns: one that always has something must not keep the other waiting. */
  private take(offsets: readonly (number | undefined)[]): RecordChunk | undefined {
    if (this.failure !== undefined) throw this.failure;
    this.isOwnTurn = !this.isOwnTurn;
    return this.isOwnTurn ? (this.takeOwn() ?? this.takeShared(offsets)) : (this.takeShared(offsets) ?? this.takeOwn());
  }

  private takeShared(offsets: readonly (number | undefined)[]): RecordChunk | undefined {
    const { length } = this.partitions;
    for (let i = 0; i < length; i++) {
      const partition = this.partitions[(this.turn + i) % length];
      if (this.behind.has(partition)) continue;
      const chunk = this.tail.read(partition, offsets[partition] ?? 0);
      if (chunk === undefined) continue;
      this.turn = (this.turn + i + 1) % length;
      return chunk;
    }
    return undefined;
  }

  private takeOwn(): RecordChunk | undefined {
    if (this.own === undefined) return undefined;
    const fetched = this.own.take();
    if (fetched?.error) throw fetched.error;
    if (fetched) return fetched.chunk;
    // A reader that was closed with its log answers at once for ever.
    const [partition] = this.behind;
    if (this.own.position(this.partitionOf(partition)) === undefined) throw closedError('reader of changes');
    return undefined;
  }

  private assignOwn(late: readonly PartitionOffset[]): void {
    const own = (this.own ??= this.options.log.openReader({
      role: 'feed',
      isolation: 'read_committed',
      partitionMaxBytes: FETCH_MAX_BYTES,
      prefetchMaxBytes: PREFETCH_MAX_BYTES,
      batchMaxBytes: this.options.batchMaxBytes,
    }));
    // Not awaited: what has caught up goes on meanwhile.
    own.assign(late).catch((error: Error) => {
      if (own === this.own) this.fail(error);
    });
  }

  /** One wait at a time on a reader: it cannot be taken back. */
  private watchOwn(maxWaitMs: number): void {
    const { own } = this;
    if (own === undefined || own === this.watched) return;
    this.watched = own;
    const wake = (): void => {
      if (own === this.watched) this.watched = undefined;
      this.wake();
    };
    own.ready(maxWaitMs).then(wake, wake);
  }

  private async closeOwn(): Promise<void> {
    const { own } = this;
    this.own = undefined;
    await own?.close();
  }

  private partitionOf(partition: number): TopicPartition {
    return { topic: this.options.topic, partition };
  }
}
