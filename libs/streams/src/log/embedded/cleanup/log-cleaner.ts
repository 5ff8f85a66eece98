import type { StreamsLogger } from '../../../observability/streams-logger.js';
import type { CancelTimer, Clock } from '../../../time/clock.js';
import type { PartitionLog } from '../partition/partition-log.js';
import type { Topic, TopicRegistry } from '../topics/topic-registry.js';
import { PartitionCompaction } from './compaction.js';
import { applyRetention } from './retention.js';

export interface LogCleanerOptions {
  readonly topics: TopicRegistry;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  /** 0: only when asked. */
  readonly intervalMs: number;
}

/** Applies `cleanup.policy` to every topic, again and again, one run after the other. */
export class LogCleaner {
  private readonly compactions = new WeakMap<PartitionLog, PartitionCompaction>();
  private runs: Promise<void> = Promise.resolve();
  private cancelTimer: CancelTimer | undefined;
  private isClosed = false;

  constructor(private readonly options: LogCleanerOptions) {
    this.schedule();
  }

  /** Retention, and compaction where enough was appended. */
  run(): Promise<void> {
    return this.afterOthers(async () => {
      for (const topic of this.options.topics.all()) {
        if (topic.config.isCompacted) await this.compactTopic(topic, (compaction) => compaction.isDue());
        if (topic.config.isDeleting) {
          for (const log of topic.partitions) applyRetention(log, topic.config, this.options.clock.now());
        }
      }
    });
  }

  /** Compacts one topic now, whatever was appended. */
  compact(name: string): Promise<void> {
    return this.afterOthers(async () => {
      const topic = this.options.topics.get(name);
      if (topic?.config.isCompacted) await this.compactTopic(topic, () => true);
    });
  }

  /** Starts nothing more, and waits for the run under way. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.cancelTimer?.();
    await this.runs;
  }

  private async compactTopic(topic: Topic, isWanted: (compaction: PartitionCompaction) => boolean): Promise<void> {
    for (const log of topic.partitions) {
      let compaction = this.compactions.get(log);
      if (compaction === undefined)
        this.compactions.set(log, (compaction = new PartitionCompaction(log, topic.config)));
      if (this.isClosed) return;
      if (isWanted(compaction)) await compaction.run(this.options.clock.now());
    }
  }

  private afterOthers(action: () => Promise<void>): Promise<void> {
    const run = this.runs.then(action);
    this.runs = run.catch(() => undefined);
    return run;
  }

  private schedule(): void {
    const { clock, logger, intervalMs } = this.options;
    if (intervalMs <= 0 || this.isClosed) return;
    this.cancelTimer = clock.schedule(intervalMs, () => {
      void this.run()
        .catch((error: unknown) =>
          logger.error('The embedded log could not be cleaned; it is tried again later.', error),
        )
        .finally(() => this.schedule());
    });
  }
}
