import { closedError } from '../../../log/client/kafka-error.js';
import type { Log, TopicPartition } from '../../../log/log.js';
import type { PartitionReader } from '../../../log/partition-reader.js';
import type { RecordChunk } from '../../../log/records/record-chunk.js';
import { yieldToEventLoop } from '../../../runtime/restore/yield-to-event-loop.js';
import type { Clock } from '../../../time/clock.js';
import { costOf, TailWindow, type TailFollower } from './tail-window.js';
import { WakeUp } from './wake-up.js';

export interface ChangelogTailOptions {
  readonly log: Log;
  readonly batchMaxBytes?: number;
  readonly topic: string;
  readonly clock: Clock;
  /** What the chunks of all partitions take at most; a single larger one is still kept. Default 4 MiB. */
  readonly windowMaxBytes?: number;
  /** Most bytes of one partition in one fetch. Default 256 KiB. */
  readonly fetchMaxBytes?: number;
  /** Called once, at once when the tail has failed or its last follower left: nobody may join it any more. */
  readonly onEnd: () => void;
}

const WINDOW_MAX_BYTES = 4 * 1024 * 1024;
const FETCH_MAX_BYTES = 256 * 1024;
const PREFETCH_MAX_BYTES = 2 * 1024 * 1024;
const WAIT_MS = 10_000;
const HOLD_MS = 1000;
/** A store stands before the markers of its last commit, and what was just read as a snapshot some changes before the end. */
const BEGIN_BEFORE_END = 100;

/**
 * The end of a changelog, read once for all feeds of a store: the partitions that somebody follows, each from shortly before its end.
 *
 * The latest chunks are kept in windows, within a bound of bytes for all of them; the oldest go first, so who is slower than the window reads
 * for itself what it has missed. A full window waits for its followers a moment, so that a burst does not leave all of them behind at once; it does not
 * where one of them waits already, so a slow one never delays a fast one. What fails ends the feeds that it concerns: all of them, or, where a partition
 * cannot be begun, those that follow it.
 */
export class ChangelogTail {
  private readonly reader: PartitionReader;
  private readonly followers = new Set<TailFollower>();
  private readonly windows = new Map<number, TailWindow>();
  /** The window of each chunk, oldest chunk first. */
  private order: TailWindow[] = [];
  private bytes = 0;
  private readonly room = new WakeUp();
  private isHurried = false;
  private isReading = false;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: ChangelogTailOptions) {
    this.reader = options.log.openReader({
      role: 'feed',
      isolation: 'read_committed',
      partitionMaxBytes: options.fetchMaxBytes ?? FETCH_MAX_BYTES,
      prefetchMaxBytes: PREFETCH_MAX_BYTES,
      batchMaxBytes: options.batchMaxBytes,
    });
  }

  /** What the windows take. */
  get byteLength(): number {
    return this.bytes;
  }

  /** Everything that comes from `startOf` on is there for the follower, until it has fallen behind that. */
  join(follower: TailFollower): void {
    this.followers.add(follower);
    const added: TailWindow[] = [];
    for (const partition of follower.partitions) {
      let window = this.windows.get(partition);
      if (window === undefined) {
        window = new TailWindow(partition);
        this.windows.set(partition, window);
        added.push(window);
      }
      window.followers.add(follower);
    }
    if (added.length > 0) this.begin(added).catch((error: Error) => this.giveUp(added, error));
  }

  /** Settles, for the last one, when nothing is open any more. */
  async leave(follower: TailFollower): Promise<void> {
    if (!this.followers.delete(follower)) return this.closing;
    for (const partition of follower.partitions) {
      const window = this.windows.get(partition);
      if (window?.followers.delete(follower) && window.followers.size === 0) this.drop(window);
    }
    this.room.wake();
    if (this.followers.size === 0) await this.close();
  }

  /** The lowest offset that can be read here; undefined while that is being found out. */
  startOf(partition: number): number | undefined {
    return this.windows.get(partition)?.start;
  }

  /** The chunk with what follows at `offset`; it may begin before. Undefined: not here yet, or, before `startOf`, no longer. */
  read(partition: number, offset: number): RecordChunk | undefined {
    return this.windows.get(partition)?.find(offset);
  }

  /** A follower says that it waits now. */
  awaited(): void {
    this.room.wake();
  }

  private async begin(added: readonly TailWindow[]): Promise<void> {
    const topics = added.map((window) => this.partitionOf(window));
    const { admin } = this.options.log;
    const [begins, ends] = await Promise.all([
      admin.beginningOffsets(topics),
      admin.endOffsets(topics, 'read_committed'),
    ]);
    const begun = topics
      .map((topic, index) => ({
        ...topic,
        offset: Math.max(begins[index].offset, ends[index].offset - BEGIN_BEFORE_END),
      }))
      .filter((_, index) => this.isCurrent(added[index]));
    if (begun.length === 0) return;
    const assigned = this.reader.assign(begun);
    // Before anything can be fetched.
    for (const { partition, offset } of begun) this.windows.get(partition)?.begin(offset);
    for (const follower of this.followers) follower.wake();
    await assigned;
    for (const window of added) window.isAssigned = true;
    if (!this.isOpen || this.isReading) return;
    this.isReading = true;
    this.readOn().catch((error: Error) => this.fail(error));
  }

  private giveUp(added: readonly TailWindow[], error: Error): void {
    for (const window of added) {
      if (!this.isCurrent(window)) continue;
      this.drop(window);
      for (const follower of window.followers) follower.fail(error);
    }
  }

  /** Ends when there is nothing to read; `begin` goes on. */
  private async readOn(): Promise<void> {
    while (this.isOpen) {
      const fetched = this.reader.take();
      if (fetched?.error) throw fetched.error;
      if (fetched) {
        const window = this.windows.get(fetched.partition.partition);
        if (window === undefined) continue;
        await this.makeRoom(window, costOf(fetched.chunk));
        if (this.isCurrent(window)) this.keep(window, fetched.chunk);
        // All who waited look at this chunk in one turn of the event loop; others have theirs before the next chunk.
        await yieldToEventLoop();
        continue;
      }
      const window = this.anyAssigned();
      if (window === undefined) break;
      // A reader that was closed with its log answers at once for ever.
      if (this.reader.position(this.partitionOf(window)) === undefined) throw closedError('reader of changes');
      await this.reader.ready(WAIT_MS);
    }
    this.isReading = false;
  }

  private async makeRoom(window: TailWindow, cost: number): Promise<void> {
    const { clock } = this.options;
    const isHeld = (): boolean =>
      this.bytes + cost > this.maxBytes && this.bytes > 0 && this.isCurrent(window) && !this.isAwaited;
    if (!isHeld()) this.isHurried = false;
    const untilMs = clock.monotonic() + HOLD_MS;
    while (!this.isHurried && isHeld()) {
      const leftMs = untilMs - clock.monotonic();
      if (leftMs > 0) await this.room.wait(clock, leftMs);
      else this.isHurried = true;
    }
    while (this.bytes + cost > this.maxBytes && this.order.length > 0) {
      this.bytes -= this.order.shift()!.dropOldest();
    }
  }

  private keep(window: TailWindow, chunk: RecordChunk): void {
    this.order.push(window);
    this.bytes += costOf(chunk);
    window.add(chunk);
  }

  private drop(window: TailWindow): void {
    this.windows.delete(window.partition);
    this.order = this.order.filter((each) => each !== window);
    for (let cost = window.dropOldest(); cost > 0; cost = window.dropOldest()) this.bytes -= cost;
    this.reader.remove([this.partitionOf(window)]);
  }

  private fail(error: Error): void {
    if (!this.isOpen) return;
    this.close().catch(() => {});
    for (const follower of this.followers) follower.fail(error);
  }

  private close(): Promise<void> {
    if (this.closing === undefined) {
      this.options.onEnd();
      this.closing = this.reader.close();
      this.room.wake();
    }
    return this.closing;
  }

  private get isOpen(): boolean {
    return this.closing === undefined;
  }

  private get isAwaited(): boolean {
    for (const follower of this.followers) if (follower.isWaiting) return true;
    return false;
  }

  private get maxBytes(): number {
    return this.options.windowMaxBytes ?? WINDOW_MAX_BYTES;
  }

  private isCurrent(window: TailWindow): boolean {
    return this.isOpen && this.windows.get(window.partition) === window;
  }

  private anyAssigned(): TailWindow | undefined {
    for (const window of this.windows.values()) if (window.isAssigned) return window;
    return undefined;
  }

  private partitionOf({ partition }: TailWindow): TopicPartition {
    return { topic: this.options.topic, partition };
  }
}
