import type { PartitionReader } from '../../log/partition-reader.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { Committer } from '../commit/committer.js';
import { hasChanges } from '../commit/task-commit.js';
import { breathing } from '../breathing.js';
import type { Courtesy } from '../courtesy.js';
import type { Tenure } from '../group/tenure.js';
import type { OutputPort } from '../records/output.js';
import type { Task } from '../task/task.js';
import type { TaskInput } from './task-input.js';
import type { UncommittedLimit } from './uncommitted-limit.js';

const IDLE_WAIT_MS = 100;
/** Of a slice, for each task. */
const LEAST_SHARE_MS = 0.25;
/** A commit takes milliseconds; one that takes this long waits for a log that does not answer. */
const SLOW_COMMIT_MS = 10_000;

export interface ProcessingLoopOptions {
  readonly reader: PartitionReader;
  readonly input: TaskInput;
  readonly committer: Committer;
  readonly runningTasks: () => readonly Task[];
  /** In which they run. */
  readonly tenure: () => Tenure | undefined;
  readonly commitIntervalMs: number;
  /** Between two commits while records wait, however long commits take; it does not shorten the interval. */
  readonly longestRestMs: number;
  /** Of changes and outputs. */
  readonly uncommittedLimit: UncommittedLimit;
  readonly output: OutputPort;
  readonly courtesy: Courtesy;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  /** Mends what can be mended. @param isTooMuch the commit will be smaller next time. @returns false if the loop has to end. */
  readonly recover: (error: unknown, isTooMuch: boolean) => Promise<boolean>;
}

/**
 * Rounds of processing, each a slice of every task that has records, and commits between them.
 *
 * Between two rounds every task stands at a record boundary: there `exclusive` actions run, such as those of a rebalance.
 */
export class ProcessingLoop {
  private readonly actions: (() => Promise<void>)[] = [];
  private loop: Promise<void> | undefined;
  private isStopped = false;
  private takesRecords = true;
  private wakeUp: (() => void) | undefined;
  private lastCommitAt: number;
  private nextWarningMs = SLOW_COMMIT_MS;
  private reported: unknown[] = [];
  /** Of `output`: those before belong to earlier commits. */
  private committedBytes = 0;

  constructor(private readonly options: ProcessingLoopOptions) {
    this.lastCommitAt = options.clock.monotonic();
  }

  start(): void {
    this.loop ??= this.run();
  }

  /** Runs `action` between two rounds, after those asked for before. Before the loop has started, and once it has ended, it runs at once. */
  exclusive<T>(action: () => Promise<T>): Promise<T> {
    if (this.isStopped || this.loop === undefined) return (this.loop ?? Promise.resolve()).then(action);
    return new Promise((resolve, reject) => {
      this.actions.push(() => action().then(resolve, reject));
      this.wake();
    });
  }

  /** Treats an error that was met outside the loop as one of a round to come, each in one of its own. */
  recoverFrom(error: unknown): void {
    this.reported.push(error);
    this.wake();
  }

  wake(): void {
    this.wakeUp?.();
  }

  /** Takes no further records; commits go on. */
  stopIntake(): void {
    this.takesRecords = false;
  }

  /** Ends after the round and the actions under way. Commits nothing. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.wake();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      await this.runActions();
      if (this.isStopped) break;
      try {
        await this.round();
      } catch (error) {
        // What a handler passes on may have been reported as well.
        this.reported = this.reported.filter((each) => each !== error);
        const isTooMuch = this.options.uncommittedLimit.failed(error);
        this.committedBytes = this.options.output.bytes;
        if (!(await this.options.recover(error, isTooMuch))) this.isStopped = true;
      }
    }
    await this.runActions();
  }

  private async runActions(): Promise<void> {
    for (let next = this.actions.shift(); next !== undefined; next = this.actions.shift()) await next();
  }

  private async round(): Promise<void> {
    const { committer, input, clock, courtesy } = this.options;
    const failure = committer.takeFailure() ?? this.reported[0];
    if (failure !== undefined) throw failure;
    const tasks = this.options.runningTasks();
    await input.fill(breathing(clock, courtesy));
    const busy = this.takesRecords ? tasks.filter(({ records }) => records.hasRecords) : [];
    if (busy.length > 0) await this.process(busy, Math.max(LEAST_SHARE_MS * busy.length, courtesy.sliceMs));
    await this.commitIfDue(tasks, busy.length > 0);
    if (busy.length > 0) await courtesy.pause();
    else await this.idle(tasks);
  }

  /**
   * Tasks run beside each other: while one waits for its handler or its store, the others go on to the end of their slices. The round waits for all of
   * them, and so does the commit: one transaction holds the work of all tasks.
   */
  private async process(busy: readonly Task[], sliceMs: number): Promise<void> {
    const { clock, output, uncommittedLimit } = this.options;
    const endMs = clock.monotonic() + sliceMs;
    // Elsewhere the length of a slice bounds them well enough.
    const maxBytes = uncommittedLimit.isReduced ? uncommittedLimit.bytes : Infinity;
    output.maxBytes = this.committedBytes + maxBytes;
    output.maxDirtyBytes = maxBytes / busy.length;
    const outcomes = await Promise.allSettled(
      busy.map(async (task) => {
        const startedAt = clock.monotonic();
        await task.records.run(startedAt + sliceMs / busy.length, endMs);
        this.count(task, clock.monotonic() - startedAt);
      }),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private count(task: Task, tookMs: number): void {
    const { metrics } = this.options;
    let total = 0;
    for (const queue of task.records.queues) total += queue.processed;
    for (const queue of task.records.queues) {
      if (queue.processed === 0) continue;
      metrics.add('streams_records_processed_total', { topic: queue.topic }, queue.processed);
      metrics.observe('streams_process_latency_seconds', { topic: queue.topic }, tookMs / 1000 / total);
      queue.processed = 0;
    }
  }

  private async commitIfDue(tasks: readonly Task[], recordsWait: boolean): Promise<void> {
    const { clock, committer, uncommittedLimit, output } = this.options;
    const isFull = uncommittedLimit.isReached(bytesOf(tasks) + output.bytes - this.committedBytes);
    if (committer.isBusy && !isFull) return this.warnOfSlowCommit();
    // Input waits here, and is not dropped, while more changes are uncommitted than memory is granted for.
    await committer.settle();
    uncommittedLimit.succeeded(committer.tookMs);
    this.nextWarningMs = SLOW_COMMIT_MS;
    let isRequested = false;
    for (const { records } of tasks) isRequested = records.takeCommitRequest() || isRequested;
    const now = clock.monotonic();
    if (!isFull && !isRequested && now < this.nextCommitAt(recordsWait)) return;
    this.lastCommitAt = now;
    const tenure = this.options.tenure();
    if (tenure === undefined) return;
    uncommittedLimit.begin();
    await committer.begin(tasks, tenure);
    this.committedBytes = output.bytes;
  }

  /**
   * The interval begins where a commit ends, as in Kafka Streams. While records wait, commits leave processing as much time as they took themselves, so that
   * more changes of a key fall into one.
   */
  private nextCommitAt(recordsWait: boolean): number {
    const { committer, commitIntervalMs, longestRestMs } = this.options;
    const restMs = recordsWait ? Math.min(committer.tookMs, longestRestMs) : 0;
    return Math.max(this.lastCommitAt, committer.endedAt) + Math.max(commitIntervalMs, restMs);
  }

  private warnOfSlowCommit(): void {
    const { committer, logger } = this.options;
    if (committer.busyMs < this.nextWarningMs) return;
    this.nextWarningMs += SLOW_COMMIT_MS;
    logger.warn(
      `A commit has been waiting for the log for ${Math.round(committer.busyMs / 1000)} s. Records are held back; nothing is lost. Are the brokers up?`,
    );
  }

  private async idle(tasks: readonly Task[]): Promise<void> {
    const { clock, reader, committer } = this.options;
    const untilCommit = tasks.some(hasChanges)
      ? Math.max(1, this.nextCommitAt(false) - clock.monotonic())
      : IDLE_WAIT_MS;
    if (this.actions.length > 0 || this.isStopped) return;
    const woken = new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    // A commit that fails meanwhile is met by the next round.
    let waitMs = committer.isBusy ? 5 : Math.min(IDLE_WAIT_MS, untilCommit);
    for (const { records } of tasks) if (records.heldMs > 0) waitMs = Math.min(waitMs, Math.ceil(records.heldMs));
    await Promise.race([this.takesRecords ? reader.ready(waitMs) : delayed(clock, waitMs), woken]);
    this.wakeUp = undefined;
  }
}

function bytesOf(tasks: readonly Task[]): number {
  let bytes = 0;
  for (const { stores } of tasks) bytes += stores.dirtyBytes;
  return bytes;
}

function delayed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(ms, resolve));
}
