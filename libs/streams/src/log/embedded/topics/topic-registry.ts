import { randomUUID } from 'node:crypto';
import type { TopicPartition } from '../../log.js';
import { PartitionLog } from '../partition/partition-log.js';
import type { Journal } from '../storage/journal.js';
import { TopicConfig } from './topic-config.js';

export interface Topic {
  readonly name: string;
  /** Never used twice: what a deleted topic left in the storage is not met by a later one of the same name. */
  readonly id: number;
  /** As clients see it; unlike `id` also different from those of other brokers. */
  readonly uuid: string;
  readonly config: TopicConfig;
  /** Grows with `TopicRegistry.grow`. */
  readonly partitions: PartitionLog[];
}

export interface TopicSpec {
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** A topic as the storage keeps it. */
export interface TopicRecord extends TopicSpec {
  readonly name: string;
  readonly id: number;
  /** Absent in folders of earlier versions. */
  readonly uuid?: string;
}

/** The topics of the broker. */
export class TopicRegistry {
  private readonly topics = new Map<string, Topic>();
  private nextId = 1;

  constructor(
    private readonly journal: Journal,
    private readonly defaultRetentionBytes: number | undefined,
  ) {}

  create(name: string, { partitions, config }: TopicSpec): void {
    const record = { name, id: this.nextId, uuid: randomUUID(), partitions, config };
    this.add(record);
    this.journal.put('topic', name, record);
    this.journal.put('broker', 'nextTopicId', this.nextId);
  }

  /** Adds partitions up to `count`; the records that are there stay where they are. */
  grow(name: string, count: number): void {
    const topic = this.topics.get(name);
    if (topic === undefined) return;
    const { id, uuid, config, partitions } = topic;
    for (let partition = partitions.length; partition < count; partition++)
      partitions.push(new PartitionLog({ topic: name, topicId: id, partition }, this.journal));
    this.journal.put('topic', name, { name, id, uuid, partitions: partitions.length, config: config.own });
  }

  delete(name: string): void {
    const topic = this.topics.get(name);
    if (topic === undefined) return;
    this.topics.delete(name);
    this.journal.delete('topic', name);
    for (const log of topic.partitions) log.destroy();
  }

  /** Takes over a topic that an earlier run left, without its batches. */
  add({ name, id, uuid = `topic-${id}`, partitions, config }: TopicRecord): Topic {
    const logs = Array.from(
      { length: partitions },
      (_, partition) => new PartitionLog({ topic: name, topicId: id, partition }, this.journal),
    );
    const topic = { name, id, uuid, config: new TopicConfig(config, this.defaultRetentionBytes), partitions: logs };
    this.topics.set(name, topic);
    this.skipIdsBelow(id + 1);
    return topic;
  }

  skipIdsBelow(id: number): void {
    this.nextId = Math.max(this.nextId, id);
  }

  get(name: string): Topic | undefined {
    return this.topics.get(name);
  }

  log({ topic, partition }: TopicPartition): PartitionLog | undefined {
    return this.topics.get(topic)?.partitions[partition];
  }

  all(): IterableIterator<Topic> {
    return this.topics.values();
  }
}
