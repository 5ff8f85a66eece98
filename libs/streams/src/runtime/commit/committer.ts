import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { OutputTopics } from '../records/output-topics.js';
import type { Courtesy } from '../courtesy.js';
import { ended, type Tenure } from '../group/tenure.js';
import type { Task } from '../task/task.js';
import type { CommitStrategy } from './commit-strategy.js';
import { breathing } from '../breathing.js';
import { hasChanges, prepareTask, publish, type TaskCommit } from './task-commit.js';

export interface CommitterOptions {
  readonly strategy: CommitStrategy;
  readonly outputTopics: OutputTopics;
  readonly clock: Clock;
  readonly courtesy: Courtesy;
  readonly metrics: StreamsMetrics;
  /** Called when a commit has come to its end, and the stores show what it wrote. */
  readonly onCommitted?: () => void;
}

/** Runs commits one at a time, beside the processing of the records that come after them (hot-path.md 4.8). */
export class Committer {
  private inFlight: Promise<void> | undefined;
  /** When the commit under way began; undefined before its first changes are appended. */
  private startedAt: number | undefined;
  /** When the first commit began whose changes may be in the log, and are in the stores only once these were restored. */
  private doubtfulSince: number | undefined;
  private ended = -Infinity;
  private took = 0;
  private failure: unknown;

  constructor(private readonly options: CommitterOptions) {}

  get isBusy(): boolean {
    return this.inFlight !== undefined;
  }

  /**
   * How long the commit under way has taken so far: nothing that was committed longer ago is missing in the stores. With at-least-once readers of
   * the log see changes as soon as they are appended, so a commit that is being prepared counts. One that failed counts until `endDoubt`: its
   * changes may be in the log all the same, and the state of before is read until the stores restore.
   */
  get busyMs(): number {
    const since = this.doubtfulSince ?? this.startedAt;
    return since === undefined ? 0 : this.options.clock.monotonic() - since;
  }

  /** When the last commit came to its end, of the monotonic clock. */
  get endedAt(): number {
    return this.ended;
  }

  /** How long the last commit took, from its first step to its end. */
  get tookMs(): number {
    return this.took;
  }

  /** Why the commit that ran in the background failed; the caller recovers, then clears it. */
  takeFailure(): unknown {
    const { failure } = this;
    this.failure = undefined;
    return failure;
  }

  /**
   * Freezes the tasks' work at this record boundary and commits it in the background. Waits for the commit before it.
   * @param tenure in which the tasks did their work.
   * @throws what the hooks and serdes throw, and the failure of the former commit; LogError `migrated` if the tenure has ended.
   */
  async begin(tasks: readonly Task[], tenure: Tenure): Promise<void> {
    await this.settle();
    for (const task of tasks) {
      if (task.tenure !== tenure) throw ended();
      task.engineFailure.check();
    }
    tenure.check();
    const { clock, outputTopics } = this.options;
    const startedAt = clock.monotonic();
    for (const task of tasks) if (hasChanges(task)) await task.flush();
    const changed = tasks.filter(hasChanges);
    if (changed.length === 0) return outputTopics.reconsider();
    tenure.check();
    this.startedAt = startedAt;
    let commits: readonly TaskCommit[];
    try {
      commits = await this.prepare(changed, tenure);
    } catch (error) {
      this.doubt();
      throw error;
    }
    this.inFlight = this.complete(commits, tenure, startedAt).then(
      () => this.leave(startedAt),
      (error: unknown) => {
        this.doubt();
        this.leave(startedAt);
        this.failure = error;
      },
    );
  }

  /** Commits the tasks' work now. @throws what made it fail. */
  async commit(tasks: readonly Task[], tenure: Tenure): Promise<void> {
    await this.begin(tasks, tenure);
    await this.settle();
  }

  /** Waits for the commit under way. @throws what made it fail. */
  async settle(): Promise<void> {
    await this.inFlight;
    const failure = this.takeFailure();
    if (failure !== undefined) throw failure;
  }

  /** Waits for the commit under way, whatever becomes of it. */
  async quiesce(): Promise<void> {
    await this.inFlight;
    this.failure = undefined;
  }

  /** Nobody reads any more what a commit that failed has left in the stores: they are compared with their changelogs first. */
  endDoubt(): void {
    this.doubtfulSince = undefined;
  }

  private doubt(): void {
    this.doubtfulSince ??= this.startedAt;
    this.startedAt = undefined;
  }

  private leave(startedAt: number): void {
    this.inFlight = undefined;
    this.startedAt = undefined;
    this.ended = this.options.clock.monotonic();
    this.took = this.ended - startedAt;
    this.options.onCommitted?.();
  }

  private async prepare(tasks: readonly Task[], tenure: Tenure): Promise<TaskCommit[]> {
    const { clock, strategy, courtesy } = this.options;
    const now = clock.now();
    const breathe = breathing(clock, courtesy);
    const commits: TaskCommit[] = [];
    for (const task of tasks) {
      commits.push(await prepareTask(task, strategy.producer, now, breathe));
      tenure.check();
    }
    return commits;
  }

  private async complete(commits: readonly TaskCommit[], tenure: Tenure, startedAt: number): Promise<void> {
    const { strategy, outputTopics, clock, metrics, courtesy } = this.options;
    await strategy.complete(commits, tenure, breathing(clock, courtesy));
    publish(commits);
    outputTopics.reconsider();
    metrics.add('streams_commits_total', { outcome: 'committed' }, 1);
    metrics.observe('streams_commit_latency_seconds', {}, (clock.monotonic() - startedAt) / 1000);
  }
}
