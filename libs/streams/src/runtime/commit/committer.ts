import type { GroupMember } from '../../log/group-member.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { OutputTopics } from '../records/output-topics.js';
import type { Courtesy } from '../courtesy.js';
import type { Task } from '../task/task.js';
import type { CommitStrategy } from './commit-strategy.js';
import { breathing } from '../breathing.js';
import { hasChanges, prepareTask, publish, type TaskCommit } from './task-commit.js';

export interface CommitterOptions {
  readonly strategy: CommitStrategy;
  readonly outputTopics: OutputTopics;
  readonly member: () => GroupMember;
  readonly clock: Clock;
  readonly courtesy: Courtesy;
  readonly metrics: StreamsMetrics;
}

/** Runs commits one at a time, beside the processing of the records that come after them (hot-path.md 4.8). */
export class Committer {
  private inFlight: Promise<void> | undefined;
  private startedAt = 0;
  private ended = -Infinity;
  private took = 0;
  private failure: unknown;

  constructor(private readonly options: CommitterOptions) {}

  get isBusy(): boolean {
    return this.inFlight !== undefined;
  }

  /** How long the commit under way has taken so far. */
  get busyMs(): number {
    return this.inFlight === undefined ? 0 : this.options.clock.monotonic() - this.startedAt;
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
   * @throws what the hooks and serdes throw, and the failure of the former commit.
   */
  async begin(tasks: readonly Task[]): Promise<void> {
    await this.settle();
    const { clock, strategy, outputTopics, courtesy } = this.options;
    const startedAt = clock.monotonic();
    for (const task of tasks) if (hasChanges(task)) await task.flush();
    const changed = tasks.filter(hasChanges);
    if (changed.length === 0) return outputTopics.reconsider();
    const now = clock.now();
    this.startedAt = startedAt;
    const breathe = breathing(clock, courtesy);
    const commits: TaskCommit[] = [];
    for (const task of changed) commits.push(await prepareTask(task, strategy.producer, now, breathe));
    this.inFlight = this.complete(commits, startedAt).then(
      () => this.leave(),
      (error: unknown) => {
        this.leave();
        this.failure = error;
      },
    );
  }

  /** Commits the tasks' work now. @throws what made it fail. */
  async commit(tasks: readonly Task[]): Promise<void> {
    await this.begin(tasks);
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

  private leave(): void {
    this.inFlight = undefined;
    this.ended = this.options.clock.monotonic();
    this.took = this.ended - this.startedAt;
  }

  private async complete(commits: readonly TaskCommit[], startedAt: number): Promise<void> {
    const { strategy, outputTopics, member, clock, metrics, courtesy } = this.options;
    await strategy.complete(commits, member(), breathing(clock, courtesy));
    publish(commits);
    outputTopics.reconsider();
    metrics.add('streams_commits_total', { outcome: 'committed' }, 1);
    metrics.observe('streams_commit_latency_seconds', {}, (clock.monotonic() - startedAt) / 1000);
  }
}
