import type { IsolationLevel, PartitionOffset, TopicPartition } from './log.js';

export interface TopicDescription {
  readonly name: string;
  readonly partitions: number;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** -1 or absent: the broker's default. */
  readonly replicationFactor?: number;
  /** Topic configuration in the broker's own names, for example `cleanup.policy`. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Topics and offsets. Every call is safe to repeat. */
export interface LogAdmin {
  /**
   * Descriptions of the named topics; a topic that does not exist is absent from the map.
   * @throws LogError `LOG_TOPIC_AUTHORIZATION_FAILED` for one that the user has no right to see
   */
  describeTopics(names: readonly string[]): Promise<Map<string, TopicDescription>>;

  /**
   * Ids of the named topics, which a topic that is created again does not share (KIP-516). '' where the cluster has no ids; a topic that does not
   * exist is absent.
   */
  topicIds(names: readonly string[]): Promise<Map<string, string>>;

  /** Creates what is missing and waits until it can be written. A topic that exists already is left as it is. */
  createTopics(topics: readonly NewTopic[]): Promise<void>;

  deleteTopics(names: readonly string[]): Promise<void>;

  /** The effective configuration of a topic, in the broker's own names. */
  describeConfig(topic: string): Promise<Map<string, string>>;

  /** The log start offset of each partition, in the order of the argument. */
  beginningOffsets(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]>;

  /** The high watermark (`read_uncommitted`) or the last stable offset (`read_committed`) of each partition, in order. */
  endOffsets(partitions: readonly TopicPartition[], isolation: IsolationLevel): Promise<PartitionOffset[]>;

  /** Removes the records below each offset. @throws LogError of kind `fatal` for a compacted topic. */
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>;

  /** The committed offsets of a group, in the order of the argument; -1 where nothing was committed. */
  committedOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<PartitionOffset[]>;
}
