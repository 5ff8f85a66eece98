import type { RestoreConfig } from '../../config/runtime-config.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { partitionKey } from '../../log/client/by-topic.js';
import type { Log, TopicPartition } from '../../log/log.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import { untilAnswered } from '../retry.js';
import type { Task } from '../task/task.js';
import type { ByteRate } from './byte-rate.js';
import {
  changelogOf,
  changelogRange,
  emptyOutdated,
  loggedStores,
  type Currency,
  type LoggedStore,
} from './changelog-range.js';
import type { ChangelogIdentity } from './changelog-identity.js';
import { StoreRestore } from './store-restore.js';
import { lastingAbort } from '../../time/lasting-abort.js';

/** Fetches that may wait to be written. */
export const RESTORE_FETCHES = 2;

const READY_WAIT_MS = 250;
const PARTITIONS_AT_A_TIME = 8;
const MAX_WIPES = 2;
const STALLED_AFTER_MS = 30_000;
/** A restore that reads nothing for so long, because of an open transaction for example, gives its place to another. */
const PLACE_FREE_AFTER_MS = 5000;

export interface RestorerOptions {
  readonly log: Log;
  readonly changelogs: Pick<ChangelogIdentity, 'check'>;
  readonly currency: Currency;
  readonly config: RestoreConfig;
  /** Most bytes of a decompressed batch; absent: the reader's default. */
  readonly batchMaxBytes?: number;
  readonly rate: ByteRate;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** A store on its way, and whoever waits for it. */
interface Running {
  readonly restore: StoreRestore;
  readonly partition: TopicPartition;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  applying: Promise<void>;
}

/**
 * Brings stores up to the end of their changelogs, in slices beside everything else. The end is the high watermark when the restore began,
 * read with read_committed: a commit that was answered may still lack its markers (design 5). It is reached when the reader's position passes
 * it, since markers and compaction leave holes.
 */
export class Restorer {
  private readonly running = new Map<string, Running>();
  private readonly waiting: Running[] = [];
  private readonly closing = lastingAbort();
  private reader: PartitionReader | undefined;
  private loop: Promise<void> | undefined;
  private cancelReport: CancelTimer | undefined;
  /** Since when a chunk is written, the wait for `rate` included. */
  private busySince: number | undefined;

  constructor(private readonly options: RestorerOptions) {}

  /**
   * Settles when every store of the task is complete or, after a failure, left alone. @throws the signal's reason, or what stops the instance.
   */
  async restore(task: Task, signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const stores = loggedStores(task).map((each) =>
      this.restoreStore(task, each, either).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    );
    await Promise.allSettled(stores);
    signal.throwIfAborted();
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.cancelReport?.();
    await this.reader?.close();
    await this.loop;
  }

  private async restoreStore(task: Task, of: LoggedStore, signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.options;
    for (let wipes = 0; ;) {
      try {
        return await this.restoreOnce(task, of, signal);
      } catch (error) {
        if (!(error instanceof StoreCorruptedError) || ++wipes > MAX_WIPES || signal.aborted) throw error;
        // A store is no more damaged than before where its changelog was replaced.
        await untilAnswered(this.options, signal, `tell the id of "${of.changelog}"`, () =>
          this.options.changelogs.check(of.changelog),
        );
        logger.error(error.message, error);
        metrics.add('streams_errors_total', { code: error.code }, 1);
        await of.store.wipe();
        await of.store.open();
      }
    }
  }

  private async restoreOnce(task: Task, of: LoggedStore, signal: AbortSignal): Promise<void> {
    const { log, clock, logger, metrics, currency } = this.options;
    const askedAt = clock.now();
    const partition = changelogOf(task, of);
    const either = AbortSignal.any([signal, this.closing.signal]);
    const { start, end, isOutdated } = await changelogRange(log.admin, this.options, either, currency, task, of);
    if (isOutdated) await emptyOutdated(task, of, currency, logger);
    const restore = new StoreRestore(task, of, start, end, clock);
    await task.onRestoreStart(restore.progress());
    if (!restore.isComplete) {
      await this.run(restore, partition, either);
      if (restore.restoredRecords > 0) {
        const { restoredRecords, restoredBytes } = restore;
        logger.info(
          `Restored "${of.definition.name}" of task ${task.id}: ${restoredRecords} records, ${restoredBytes} bytes, offsets ${restore.startOffset} to ${restore.position}.`,
        );
      }
    }
    currency.follows(task.id, of.definition.name, askedAt);
    metrics.set(
      'streams_restore_remaining_records',
      { store: of.definition.name, partition: String(task.partition) },
      0,
    );
    await task.onRestoreProgress(restore.progress());
  }

  private async run(restore: StoreRestore, partition: TopicPartition, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    let running!: Running;
    const settled = new Promise<void>((resolve, reject) => {
      running = { restore, partition, signal, resolve, reject, applying: Promise.resolve() };
    });
    const onAbort = (): void => running.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.enqueue(running);
    try {
      await settled;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.drop(running);
      // The engine is about to be closed or wiped by the owner.
      await running.applying;
      await restore.settle().catch(() => undefined);
    }
  }

  private enqueue(running: Running): void {
    this.waiting.push(running);
    // Higher priority first, then the shortest.
    this.waiting.sort(
      (a, b) =>
        b.restore.of.definition.restorePriority - a.restore.of.definition.restorePriority ||
        a.restore.remaining - b.restore.remaining,
    );
    this.admit();
  }

  private admit(): void {
    while (this.waiting.length > 0 && this.places() > 0) {
      const next = this.waiting.shift()!;
      next.restore.begin();
      this.running.set(partitionKey(next.partition.topic, next.partition.partition), next);
      void this.assign(next);
    }
    this.loop ??= this.read().finally(() => {
      this.loop = undefined;
      if (this.running.size > 0 && !this.closing.signal.aborted) this.admit();
    });
    this.cancelReport ??= this.scheduleReport();
  }

  private places(): number {
    let free = PARTITIONS_AT_A_TIME;
    for (const { restore } of this.running.values()) if (!restore.isStalled(PLACE_FREE_AFTER_MS + this.busyMs)) free--;
    return free;
  }

  /** Never rejects: what goes wrong concerns one store. */
  private async assign(running: Running): Promise<void> {
    const { partition, restore, signal, reject } = running;
    const position = [{ ...partition, offset: restore.position }];
    try {
      const what = `take the position of "${partition.topic}" partition ${partition.partition}`;
      await untilAnswered(this.options, signal, what, async () => {
        if (this.isRunning(running)) await this.readerFor().assign(position);
      });
    } catch (error) {
      reject(error);
    }
  }

  private isRunning(running: Running): boolean {
    return this.running.get(partitionKey(running.partition.topic, running.partition.partition)) === running;
  }

  private readerFor(): PartitionReader {
    const { log, config, batchMaxBytes } = this.options;
    return (this.reader ??= log.openReader({
      role: 'restore',
      isolation: 'read_committed',
      partitionMaxBytes: config.fetchMaxBytes,
      prefetchMaxBytes: RESTORE_FETCHES * config.fetchMaxBytes,
      batchMaxBytes,
    }));
  }

  private drop(running: Running): void {
    const index = this.waiting.indexOf(running);
    if (index >= 0) this.waiting.splice(index, 1);
    if (!this.isRunning(running)) return;
    this.running.delete(partitionKey(running.partition.topic, running.partition.partition));
    this.reader?.remove([running.partition]);
    if (!this.closing.signal.aborted) this.admit();
  }

  private async read(): Promise<void> {
    while (this.running.size > 0 && !this.closing.signal.aborted) {
      if (this.waiting.length > 0) this.admit();
      const reader = this.readerFor();
      const fetched = reader.take();
      if (fetched === undefined) {
        await reader.ready(READY_WAIT_MS);
        continue;
      }
      const running = this.running.get(partitionKey(fetched.partition.topic, fetched.partition.partition));
      if (running === undefined) continue;
      if (fetched.error) this.failed(running, fetched.error);
      else await this.applyAtRate(running, fetched.chunk);
    }
  }

  private async applyAtRate(running: Running, chunk: RecordChunk): Promise<void> {
    this.busySince = this.options.clock.monotonic();
    running.applying = this.apply(running, chunk);
    await running.applying;
    await this.options.rate.spend(chunk.byteLength, this.closing.signal);
    for (const { restore } of this.running.values()) restore.excuse(this.busyMs);
    this.busySince = undefined;
  }

  /** How long nothing has been read because of the last chunk, which says nothing about the other restores. */
  private get busyMs(): number {
    return this.busySince === undefined ? 0 : this.options.clock.monotonic() - this.busySince;
  }

  /** Never rejects: what goes wrong concerns one store. */
  private async apply(running: Running, chunk: RecordChunk): Promise<void> {
    const { restore } = running;
    const { metrics } = this.options;
    const store = restore.of.definition.name;
    const before = restore.restoredRecords;
    try {
      await restore.apply(chunk);
      metrics.add('streams_restore_records_total', { store }, restore.restoredRecords - before);
      metrics.add('streams_restore_bytes_total', { store }, chunk.byteLength);
      if (!restore.isComplete) return;
      await restore.finish();
      running.resolve();
    } catch (error) {
      running.reject(error);
    }
  }

  private failed({ restore, reject }: Running, error: Error & { kind: string }): void {
    const { definition } = restore.of;
    if (error.kind !== 'out-of-range') return reject(error);
    reject(
      new StoreCorruptedError(
        definition.name,
        restore.task.id,
        `its changelog no longer holds offset ${restore.position}`,
        {
          cause: error,
        },
      ),
    );
  }

  private scheduleReport(): CancelTimer {
    return this.options.clock.schedule(this.options.config.progressIntervalMs, () => {
      this.cancelReport = undefined;
      for (const running of this.running.values()) this.report(running);
      if (this.running.size > 0 && !this.closing.signal.aborted) this.cancelReport = this.scheduleReport();
    });
  }

  private report({ restore, reject }: Running): void {
    const { logger, metrics } = this.options;
    const progress = restore.progress();
    const total = Math.max(1, restore.endOffset - restore.startOffset);
    const percent = Math.floor((100 * (total - progress.remainingRecords)) / total);
    const eta = progress.etaMs === undefined ? '' : `, about ${Math.ceil(progress.etaMs / 1000)} s left`;
    logger.info(
      `Restoring "${progress.store}" of task ${progress.taskId}: ${percent} %, ${Math.round(progress.recordsPerSecond)} records/s${eta}.`,
    );
    metrics.set(
      'streams_restore_remaining_records',
      { store: progress.store, partition: String(restore.task.partition) },
      progress.remainingRecords,
    );
    this.warnOfStall(restore);
    restore.task.onRestoreProgress(progress).catch(reject);
  }

  /** A committed reader stops at an open transaction; its owner's time-out ends it, unless a broker has lost track of it. */
  private warnOfStall(restore: StoreRestore): void {
    if (!restore.isStalled(STALLED_AFTER_MS + this.busyMs)) return;
    const { task, of, position } = restore;
    this.options.logger.warn(
      `The restore of "${of.definition.name}" of task ${task.id} waits at offset ${position} of "${of.changelog}" partition ${task.partition} for a transaction to be decided. ` +
        `If this does not pass, the transaction hangs: look with \`kafka-transactions.sh --bootstrap-server <brokers> find-hanging --topic ${of.changelog}\`, and end it with its \`abort\`.`,
    );
  }
}
