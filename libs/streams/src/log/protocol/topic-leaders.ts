import type { TopicMetadata } from './cluster-codecs.js';
import { KafkaErrorCode } from './error-codes.js';

const NO_LEADER = -1;
const NO_EPOCH = -1;

interface Leader {
  readonly node: number;
  readonly epoch: number;
}

/**
 * The leaders of tracked topics, for a wire. Metadata that arrives late may have been asked for before a topic was tracked, so topics it does not
 * name are kept.
 */
export class TopicLeaders {
  private readonly leaders = new Map<string, readonly Leader[]>();
  private readonly forbidden = new Set<string>();

  /** @param isConfirmed whether more than one broker says so. A single one may be behind, and then takes nothing back. */
  update(topics: readonly TopicMetadata[], isConfirmed: boolean): void {
    for (const { name, partitions, error } of topics) {
      if (error === KafkaErrorCode.TOPIC_AUTHORIZATION_FAILED) this.forbidden.add(name);
      else this.forbidden.delete(name);
      const known = isConfirmed ? [] : (this.leaders.get(name) ?? []);
      const byNumber = [...partitions].sort((a, b) => a.partition - b.partition);
      const leaders = byNumber.map(({ leader, leaderEpoch }, i) => {
        const before = known[i] as Leader | undefined;
        return before !== undefined && before.epoch > leaderEpoch ? before : { node: leader, epoch: leaderEpoch };
      });
      this.leaders.set(name, leaders);
    }
  }

  /** Partition numbers in order; empty for a topic that does not exist. */
  partitions(topic: string): readonly number[] {
    return (this.leaders.get(topic) ?? []).map((_, partition) => partition);
  }

  /** Whether the brokers have refused to describe the topic. */
  isForbidden(topic: string): boolean {
    return this.forbidden.has(topic);
  }

  /** Undefined while the partition has none: brokers say -1 for a while after a restart. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.leaders.get(topic)?.[partition];
    return leader === undefined || leader.node === NO_LEADER ? undefined : leader.node;
  }

  /** How often the partition has had a new leader; -1 if that is not known. */
  epochOf(topic: string, partition: number): number {
    return this.leaders.get(topic)?.[partition]?.epoch ?? NO_EPOCH;
  }
}
