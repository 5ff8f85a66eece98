import { ApplicationShutdownError } from '../../errors/application-shutdown-error.js';
import { InstanceFencedError } from '../../errors/instance-fenced-error.js';
import { LogError } from '../../errors/log-error.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { reasonOf } from '../../errors/reason-of.js';
import { StreamsError } from '../../errors/streams-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { CommitStrategy } from '../commit/commit-strategy.js';
import type { Committer } from '../commit/committer.js';
import type { ErrorOrigins } from '../error-origins.js';
import { untilAnswered } from '../retry.js';
import type { OutputTopics } from '../records/output-topics.js';
import type { SlowRecords } from '../records/slow-records.js';
import { HalfDoneRecordError } from '../records/half-done-record-error.js';
import type { TaskManager } from '../task/task-manager.js';
import type { UncaughtErrors } from './uncaught-errors.js';

/** Fenced that often in that time, the instance has a double that takes the id back each time. */
const MAX_FENCES = 5;
const FENCES_WITHIN_MS = 300_000;

export interface RecoveryOptions {
  readonly applicationId: string;
  readonly instanceId: string;
  readonly committer: Committer;
  readonly strategy: CommitStrategy;
  readonly outputTopics: OutputTopics;
  readonly tasks: TaskManager;
  readonly slowRecords: SlowRecords;
  readonly rejoin: () => void;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  readonly uncaught: UncaughtErrors;
  readonly origins: ErrorOrigins;
  readonly onFailure: (error: unknown) => void;
  /** Before the instance fails because of the policy `shutdownApplication`. */
  readonly onShutdownApplication: (reason: string) => void;
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
}

/**
 * What follows an error between two commits (design 10): uncommitted work is dropped everywhere, since one transaction holds the work of all
 * tasks, and stores are checked against their changelogs before the tasks go on, since the outcome of a commit may be unknown.
 */
export class Recovery {
  private fencedAt: readonly number[] = [];

  constructor(private readonly options: RecoveryOptions) {}

  /** Between two rounds of the loop. @param isTooMuch the broker fenced the producer after its time, not for another. @returns false if the instance cannot go on; `onFailure` then knows why. */
  async recover(error: unknown, isTooMuch = false): Promise<boolean> {
    const { committer, tasks, logger, metrics, origins, rejoin, onFailure } = this.options;
    if (origins.isOfUserCode(error)) return this.uncaught(error);
    const { isMendable, isLost } = classify(error);
    // A failure is counted where the instance fails.
    if (!isMendable && !(await this.options.outputTopics.learn(error))) return this.uncaught(error);
    const { message } = error as Error;
    // A record that failed half-way is counted by its policy.
    if (error instanceof StreamsError) metrics.add('streams_errors_total', { code: error.code }, 1);
    const isSlow = this.options.slowRecords.discarded(tasks.all);
    if (!isTooMuch && !isSlow && this.hasDouble(error)) {
      const { instanceId } = this.options;
      const reason =
        `The transactional id of the instance "${instanceId}" was taken over ${MAX_FENCES} times in ${FENCES_WITHIN_MS / 60_000} minutes: ` +
        `another process runs with a copy of its instance.json, or its transactions take longer than "transactionTimeout"`;
      onFailure(new InstanceFencedError(instanceId, { cause: error, reason }));
      return false;
    }
    metrics.add('streams_commits_total', { outcome: isLost ? 'fenced' : 'aborted' }, 1);
    if (error instanceof StoreCorruptedError) logger.error(message, error);
    logger.warn(`Uncommitted work is dropped and done again: ${message}`);
    try {
      await this.dropUncommitted();
      await tasks.suspend();
      if (error instanceof StoreCorruptedError) await tasks.wipe(error);
      if (tasks.restart()) committer.endDoubt();
      if (isLost) rejoin();
      return true;
    } catch (cause) {
      onFailure(cause);
      return false;
    }
  }

  private async uncaught(error: unknown): Promise<boolean> {
    const { committer, tasks, uncaught, origins, logger, metrics, onFailure, onShutdownApplication } = this.options;
    const { action, taskId, waitMs } = await uncaught.judge(error, origins.isOfUserCode(error));
    const reason = reasonOf(error);
    if (action === 'shutdownInstance') {
      onFailure(error);
      return false;
    }
    if (action === 'shutdownApplication') {
      onShutdownApplication(reason);
      onFailure(new ApplicationShutdownError(this.options.applicationId, reason, error));
      return false;
    }
    const code = error instanceof StreamsError ? error.code : 'STREAMS_PROCESSING_FAILED';
    metrics.add('streams_errors_total', { code }, 1);
    metrics.add('streams_task_replacements_total', {}, 1);
    metrics.add('streams_commits_total', { outcome: 'aborted' }, 1);
    const who = taskId === undefined ? 'All tasks of the instance are' : `Task ${taskId} is`;
    logger.error(`${who} replaced, and processing goes on in ${waitMs} ms; uncommitted work is done again.`, error);
    try {
      await this.dropUncommitted();
      await tasks.suspend();
      if (await tasks.replace(taskId, waitMs)) committer.endDoubt();
      return true;
    } catch (cause) {
      onFailure(cause);
      return false;
    }
  }

  private hasDouble(error: unknown): boolean {
    if (!(error instanceof LogError) || error.kind !== 'fenced') return false;
    const now = this.options.clock.monotonic();
    this.fencedAt = [...this.fencedAt.filter((time) => now - time < FENCES_WITHIN_MS), now];
    return this.fencedAt.length >= MAX_FENCES;
  }

  /** Makes the producer usable again, and forgets what it held. The doubt about a commit ends where all tasks restore. @throws LogError of kind `fatal` */
  async dropUncommitted(): Promise<void> {
    const { committer, strategy, signal, slowRecords, tasks } = this.options;
    slowRecords.discarded(tasks.all);
    await committer.quiesce();
    await untilAnswered(this.options, signal, 'end the last transaction', () => strategy.recover());
  }
}

function classify(error: unknown): { readonly isMendable: boolean; readonly isLost: boolean } {
  if (error instanceof StoreCorruptedError || error instanceof HalfDoneRecordError)
    return { isMendable: true, isLost: false };
  if (!(error instanceof LogError)) return { isMendable: false, isLost: false };
  switch (error.kind) {
    case 'migrated':
    case 'fenced':
      return { isMendable: true, isLost: true };
    case 'abortable':
    case 'retriable':
      return { isMendable: true, isLost: false };
    default:
      return { isMendable: false, isLost: false };
  }
}
