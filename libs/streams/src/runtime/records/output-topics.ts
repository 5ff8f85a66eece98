import { LogError } from '../../errors/log-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { CompressionCodec } from '../../log/log-producer.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { untilAnswered } from '../retry.js';
import { OutputTopic } from './output-topic.js';
import { NO_LIMITS, readTopicLimits, type TopicLimits } from './topic-limits.js';

export interface OutputTopicsOptions {
  /** Of every topic that tasks write to, apart from changelogs. */
  readonly limits: ReadonlyMap<string, TopicLimits>;
  readonly partitionCounts: ReadonlyMap<string, number>;
  readonly compression: CompressionCodec;
  readonly admin: LogAdmin;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
}

/** The topics that tasks write to. */
export class OutputTopics {
  private readonly topics: ReadonlyMap<string, OutputTopic>;

  constructor(private readonly options: OutputTopicsOptions) {
    const { limits, partitionCounts, compression, clock } = options;
    const topics = Array.from(limits, ([name, each]) => new OutputTopic(name, each, compression, clock));
    for (const topic of topics) topic.partitions = partitionCounts.get(topic.name) ?? 1;
    this.topics = new Map(topics.map((topic) => [topic.name, topic]));
  }

  get(name: string): OutputTopic {
    const { compression, clock } = this.options;
    return this.topics.get(name) ?? new OutputTopic(name, NO_LIMITS, compression, clock);
  }

  /**
   * Learns from what the log refused, so that the same record is refused where it is written when its work is done again: there its handler and its
   * source are known, and `errors.production` decides.
   * @returns false if the error says nothing about such a topic.
   */
  async learn(error: unknown): Promise<boolean> {
    if (!(error instanceof LogError) || error.kind !== 'refused') return false;
    const {
      topic: name,
      batchBytes,
      refusedTimestamps,
    } = error as { topic?: unknown; batchBytes?: unknown; refusedTimestamps?: unknown };
    const topic = this.topics.get(String(name));
    if (topic === undefined) return false;
    switch (error.code) {
      case 'LOG_MESSAGE_TOO_LARGE':
      case 'LOG_RECORD_LIST_TOO_LARGE':
        await this.readAgain(topic);
        if (typeof batchBytes !== 'number') return false;
        topic.lower(batchBytes);
        return true;
      case 'LOG_INVALID_RECORD':
        // Says which records are bad only where the configuration has changed.
        return this.readAgain(topic);
      case 'LOG_INVALID_TIMESTAMP':
        return topic.refuseTimes(refusedTimestamps as readonly number[], error.message);
      default:
        topic.refuse(error.message);
        return true;
    }
  }

  /** Called when little work would be lost by asking the log again what it refused. */
  reconsider(): void {
    for (const topic of this.topics.values()) topic.reconsider();
  }

  /** @returns whether that changed anything. */
  private async readAgain(topic: OutputTopic): Promise<boolean> {
    const { admin, signal } = this.options;
    try {
      const what = `tell the limits of "${topic.name}"`;
      const limits = await untilAnswered(this.options, signal, what, () => readTopicLimits(admin, topic.name));
      return topic.limit(limits);
    } catch {
      return false;
    }
  }
}
