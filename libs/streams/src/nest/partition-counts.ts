import { LogError } from '../errors/log-error.js';
import { MissingTopicError } from '../errors/missing-topic-error.js';
import type { Log } from '../log/log.js';
import type { Clock } from '../time/clock.js';

/** A topic may grow, or be created again, while an application runs. */
const MAX_AGE_MS = 30_000;

interface Known {
  readonly count: number;
  readonly readAt: number;
}

/** Partition counts of topics that records are sent to. */
export class PartitionCounts {
  private readonly known = new Map<string, Known>();
  private readonly reading = new Map<string, Promise<number>>();

  constructor(private readonly clock: Clock) {}

  /** A count that is at most half a minute old, or older while no broker answers. @throws MissingTopicError, LogError */
  async of(log: Log, topic: string): Promise<number> {
    const known = this.known.get(topic);
    if (known !== undefined && this.clock.monotonic() - known.readAt < MAX_AGE_MS) return known.count;
    try {
      return await this.read(log, topic);
    } catch (error) {
      if (known === undefined || !(error instanceof LogError) || error.kind !== 'retriable') throw error;
      return known.count;
    }
  }

  /** Reads the count from the brokers. @throws MissingTopicError, LogError */
  read(log: Log, topic: string): Promise<number> {
    let reading = this.reading.get(topic);
    if (reading === undefined) {
      reading = this.describe(log, topic).finally(() => this.reading.delete(topic));
      this.reading.set(topic, reading);
    }
    return reading;
  }

  /** The next call reads the count again. */
  forget(topic: string): void {
    this.known.delete(topic);
  }

  private async describe(log: Log, topic: string): Promise<number> {
    const description = (await log.admin.describeTopics([topic])).get(topic);
    if (description === undefined) {
      this.forget(topic);
      throw new MissingTopicError([topic]);
    }
    this.known.set(topic, { count: description.partitions, readAt: this.clock.monotonic() });
    return description.partitions;
  }
}
