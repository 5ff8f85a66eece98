import type { TopicMetadata } from './cluster-codecs.js';

const NO_LEADER = -1;

/**
 * The leaders of tracked topics, for a wire. Metadata that arrives late may have been asked for before a topic was tracked, so topics it does not
 * name are kept.
 */
export class TopicLeaders {
  private readonly leaders = new Map<string, readonly number[]>();

  update(topics: readonly TopicMetadata[]): void {
    for (const { name, partitions } of topics) {
      const byNumber = [...partitions].sort((a, b) => a.partition - b.partition);
      this.leaders.set(
        name,
        byNumber.map(({ leader }) => leader),
      );
    }
  }

  /** Partition numbers in order; empty for a topic that does not exist. */
  partitions(topic: string): readonly number[] {
    return (this.leaders.get(topic) ?? []).map((_, partition) => partition);
  }

  /** Undefined while the partition has none: brokers say -1 for a while after a restart. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.leaders.get(topic)?.[partition];
    return leader === NO_LEADER ? undefined : leader;
  }
}
