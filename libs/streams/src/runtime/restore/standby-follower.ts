import type { RestoreConfig } from '../../config/runtime-config.js';
import type { LogError } from '../../errors/log-error.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { Log } from '../../log/log.js';
import { partitionKey } from '../../log/client/by-topic.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';
import { untilAnswered } from '../retry.js';
import type { Task } from '../task/task.js';
import type { ByteRate } from './byte-rate.js';
import type { ChangelogIdentity } from './changelog-identity.js';
import { CopyLag, type CopyFreshness } from './copy-freshness.js';
import {
  changelogOf,
  changelogRange,
  emptyOutdated,
  loggedStores,
  type ChangelogRange,
  type Currency,
  type LoggedStore,
} from './changelog-range.js';
import { RESTORE_FETCHES } from './restorer.js';
import { StoreRestore } from './store-restore.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const READY_WAIT_MS = 250;
const LAG_EVERY_MS = 500;

export interface StandbyFollowerOptions {
  readonly log: Log;
  readonly changelogs: Pick<ChangelogIdentity, 'check'>;
  readonly currency: Currency;
  readonly config: RestoreConfig;
  /** Most bytes of a decompressed batch; absent: the reader's default. */
  readonly batchMaxBytes?: number;
  readonly rate: ByteRate;
  readonly acceptableRecoveryLag: number;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  /** Copies have become ready since this was called last. */
  readonly onReady: () => void;
  /** Called when a copy has changed, or is known to be fresher. */
  readonly onProgress?: (partition: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** One store's way along its changelog, without an end. */
interface Followed {
  readonly task: Task;
  readonly of: LoggedStore;
  readonly copy: StoreRestore;
  readonly lag: CopyLag;
  /** Wall clock time of the last look at the end of the changelog. */
  lookedAt: number;
  /** The copy had everything then; wall clock time. */
  wholeAt: number;
  applying: Promise<void>;
}

interface Following {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  started: Promise<void>;
}

type Fetched = NonNullable<ReturnType<PartitionReader['take']>>;

/** Keeps the stores of standby tasks up to date, beside everything else. */
export class StandbyFollower {
  private readonly followed = new Map<string, Followed>();
  private readonly following = new Map<Task, Following>();
  private readonly ready = new Set<TaskId>();
  private readonly closing = lastingAbort();
  private reader: PartitionReader | undefined;
  private loop: Promise<void> | undefined;
  private cancelLag: CancelTimer | undefined;

  constructor(private readonly options: StandbyFollowerOptions) {}

  follow(task: Task): void {
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, this.closing.signal]);
    this.following.set(task, { controller, signal, started: Promise.resolve() });
    this.begin(task, () => this.start(task));
  }

  /** Settles when the task's stores are left alone. */
  async unfollow(task: Task): Promise<void> {
    const following = this.following.get(task);
    if (following === undefined) return;
    this.following.delete(task);
    this.ready.delete(task.id);
    following.controller.abort(new Error('The standby is followed no longer.'));
    await following.started;
    for (const of of loggedStores(task)) {
      const followed = this.stopReading(task, of);
      await followed?.applying;
      await followed?.copy.settle().catch(() => undefined);
      const partition = String(task.partition);
      this.options.metrics.remove('streams_standby_lag_records', { store: of.definition.name, partition });
    }
  }

  /** Whether a copy lacks no more than `acceptableRecoveryLag` records, as of the last look. */
  isReady(task: Task): boolean {
    return this.ready.has(task.id);
  }

  /** Of the copy of one store of a standby; undefined for a store without changelog, and while it is not followed. */
  freshness(task: Task, store: string): CopyFreshness | undefined {
    const changelog = task.stores.get(store)?.changelog;
    if (changelog === undefined) return undefined;
    const followed = this.followed.get(partitionKey(changelog, task.partition));
    return followed?.task === task ? followed.lag.of(followed.copy.applied, this.options.clock.monotonic()) : undefined;
  }

  /** Empties the copy of a store in which somebody else met damage, and follows it anew. */
  mend(task: Task, error: StoreCorruptedError): void {
    const damaged = loggedStores(task).find(({ definition }) => definition.name === error.store);
    if (damaged !== undefined) this.renew(task, damaged, error);
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('The instance stops.'));
    this.cancelLag?.();
    for (const { started } of this.following.values()) await started;
    await this.reader?.close();
    await this.loop;
  }

  /** Runs after what was begun for the task before; `unfollow` waits for it. */
  private begin(task: Task, action: () => Promise<void>): void {
    const following = this.following.get(task);
    if (following === undefined) return;
    following.started = following.started.then(action).catch((error: unknown) => {
      if (!following.signal.aborted) this.options.onFailure(error);
    });
  }

  private async start(task: Task): Promise<void> {
    for (const of of loggedStores(task)) await this.startStore(task, of);
    this.cancelLag ??= this.scheduleLag();
  }

  private async startStore(task: Task, of: LoggedStore): Promise<void> {
    const { log, currency, logger } = this.options;
    const signal = this.following.get(task)?.signal;
    if (signal === undefined) return;
    const range = (): Promise<ChangelogRange> => changelogRange(log.admin, this.options, signal, currency, task, of);
    const { start, isOutdated } = await range().catch(async (error: unknown) => {
      if (!(error instanceof StoreCorruptedError)) throw error;
      await this.empty(of, error);
      return range();
    });
    signal.throwIfAborted();
    if (isOutdated) await emptyOutdated(task, of, currency, logger);
    const followed = this.read(task, of, start);
    const position = [{ ...changelogOf(task, of), offset: start }];
    const what = `take the position of "${of.changelog}" partition ${task.partition}`;
    await untilAnswered(this.options, signal, what, async () => {
      if (this.isFollowed(followed)) await this.reader!.assign(position);
    });
  }

  private read(task: Task, of: LoggedStore, start: number): Followed {
    const { log, config, batchMaxBytes, clock } = this.options;
    const partition = changelogOf(task, of);
    const copy = new StoreRestore(task, of, start, Infinity, clock);
    const now = clock.now();
    copy.onApplied = () => this.options.onProgress?.(task.partition);
    const followed: Followed = {
      task,
      of,
      copy,
      lag: new CopyLag(),
      applying: Promise.resolve(),
      lookedAt: now,
      wholeAt: now,
    };
    this.followed.set(partitionKey(partition.topic, partition.partition), followed);
    this.reader ??= log.openReader({
      role: 'standby',
      isolation: 'read_committed',
      partitionMaxBytes: config.fetchMaxBytes,
      prefetchMaxBytes: RESTORE_FETCHES * config.fetchMaxBytes,
      batchMaxBytes,
    });
    this.loop ??= this.run().finally(() => {
      this.loop = undefined;
    });
    return followed;
  }

  private isFollowed(followed: Followed): boolean {
    const { topic, partition } = changelogOf(followed.task, followed.of);
    return this.followed.get(partitionKey(topic, partition)) === followed;
  }

  private async run(): Promise<void> {
    const reader = this.reader!;
    while (!this.closing.signal.aborted) {
      const fetched = reader.take();
      if (fetched === undefined) {
        await reader.ready(READY_WAIT_MS);
        continue;
      }
      const followed = this.followed.get(partitionKey(fetched.partition.topic, fetched.partition.partition));
      if (followed === undefined) continue;
      followed.applying = this.apply(followed, fetched);
      await followed.applying;
      if (fetched.error === undefined) await this.options.rate.spend(fetched.chunk.byteLength, this.closing.signal);
    }
  }

  /** Never rejects: what goes wrong concerns one store. */
  private async apply(followed: Followed, { error, chunk }: Fetched): Promise<void> {
    const { metrics, onFailure } = this.options;
    const { task, of, copy } = followed;
    try {
      if (error !== undefined) throw error.kind === 'out-of-range' ? behind(task, of, copy, error) : error;
      const before = copy.restoredRecords;
      await copy.apply(chunk);
      metrics.add('streams_standby_records_total', { store: of.definition.name }, copy.restoredRecords - before);
    } catch (failure) {
      if (!(failure instanceof StoreCorruptedError)) return onFailure(failure);
      this.stopReading(task, of);
      this.renew(task, of, failure);
    }
  }

  /** Whether the copy was cut off from its changelog for longer than that keeps deletions. */
  private isOutdated(followed: Followed, at: number): boolean {
    const { clock, currency } = this.options;
    const { of, copy, lag } = followed;
    if (lag.of(copy.applied, at).lag === 0) followed.wholeAt = followed.lookedAt;
    followed.lookedAt = clock.now();
    return currency.isTooLongAgo(of.changelog, followed.wholeAt);
  }

  /** @param error the damage that was met; absent where the copy is outdated. */
  private renew(task: Task, of: LoggedStore, error?: StoreCorruptedError): void {
    this.ready.delete(task.id);
    const { view } = of.store;
    this.begin(task, async () => {
      // Emptied already, for another who met the damage.
      if (of.store.view !== view) return;
      const followed = this.stopReading(task, of);
      await followed?.applying;
      await followed?.copy.settle().catch(() => undefined);
      if (error === undefined) await emptyOutdated(task, of, this.options.currency, this.options.logger);
      else await this.empty(of, error);
      await this.startStore(task, of);
    });
  }

  private stopReading(task: Task, of: LoggedStore): Followed | undefined {
    const { topic, partition } = changelogOf(task, of);
    const followed = this.followed.get(partitionKey(topic, partition));
    if (followed?.task !== task) return undefined;
    this.followed.delete(partitionKey(topic, partition));
    this.reader?.remove([{ topic, partition }]);
    return followed;
  }

  private async empty({ store, changelog }: LoggedStore, error: StoreCorruptedError): Promise<void> {
    const { logger, metrics, changelogs } = this.options;
    const what = `tell the id of "${changelog}"`;
    await untilAnswered(this.options, this.closing.signal, what, () => changelogs.check(changelog));
    logger.error(error.message, error);
    metrics.add('streams_errors_total', { code: error.code }, 1);
    await store.wipe();
    await store.open();
  }

  private scheduleLag(): CancelTimer {
    return this.options.clock.schedule(LAG_EVERY_MS, () => {
      void this.measure()
        .catch(() => undefined)
        .finally(() => {
          if (!this.closing.signal.aborted) this.cancelLag = this.scheduleLag();
        });
    });
  }

  private async measure(): Promise<void> {
    const { log, metrics, clock, acceptableRecoveryLag, onReady } = this.options;
    const all = [...this.followed.values()];
    if (all.length === 0) return;
    const at = clock.monotonic();
    const ends = await log.admin.endOffsets(
      all.map(({ task, of }) => changelogOf(task, of)),
      'read_uncommitted',
    );
    const lags = new Map<Task, number>();
    const measured = new Map<Task, number>();
    all.forEach((followed, index) => {
      const { task, of, copy, lag: looks } = followed;
      const { topic, partition } = changelogOf(task, of);
      if (this.followed.get(partitionKey(topic, partition)) !== followed) return;
      if (this.isOutdated(followed, at)) return this.renew(task, of);
      looks.look(ends[index]!.offset, at);
      this.options.onProgress?.(partition);
      const lag = Math.max(0, ends[index]!.offset - copy.applied);
      lags.set(task, (lags.get(task) ?? 0) + lag);
      measured.set(task, (measured.get(task) ?? 0) + 1);
      const labels = { store: of.definition.name, partition: String(task.partition) };
      metrics.set('streams_standby_lag_records', labels, lag);
    });
    let isNew = false;
    for (const [task, lag] of lags) {
      // A store that is emptied meanwhile, or begins, was not looked at.
      const isWhole = measured.get(task) === loggedStores(task).length;
      if (lag > acceptableRecoveryLag || !isWhole) this.ready.delete(task.id);
      else if (!this.ready.has(task.id) && this.following.has(task)) {
        this.ready.add(task.id);
        isNew = true;
      }
    }
    if (isNew) onReady();
  }
}

function behind(task: Task, of: LoggedStore, copy: StoreRestore, cause: LogError): StoreCorruptedError {
  const reason = `its changelog no longer holds offset ${copy.position}`;
  return new StoreCorruptedError(of.definition.name, task.id, reason, { cause });
}
