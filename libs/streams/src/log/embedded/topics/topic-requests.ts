import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { RequestOf, ResponseOf } from '../../protocol/messages.js';
import { configProblem } from './topic-config.js';
import type { TopicRegistry } from './topic-registry.js';

const LEGAL_NAME = /^[a-zA-Z0-9._-]{1,249}$/;
const DEFAULT_PARTITIONS = 1;
const UP_TO_THE_END = -1;

type NewTopic = RequestOf<'createTopics'>['topics'][number];

/** CreateTopics, DeleteTopics, topic ids, DescribeConfigs and DeleteRecords. */
export class TopicRequests {
  constructor(
    private readonly topics: TopicRegistry,
    private readonly onDeleted: (topic: string) => void,
  ) {}

  create({ topics }: RequestOf<'createTopics'>): ResponseOf<'createTopics'> {
    return {
      topics: topics.map((topic) => {
        const refusal = this.refusal(topic);
        if (refusal !== undefined) return { name: topic.name, ...refusal };
        const partitions = topic.partitions === -1 ? DEFAULT_PARTITIONS : topic.partitions;
        const config = Object.fromEntries(topic.config.map(({ name, value }) => [name, value]));
        this.topics.create(topic.name, { partitions, config });
        return { name: topic.name, error: E.NONE, message: null };
      }),
    };
  }

  delete({ names }: RequestOf<'deleteTopics'>): ResponseOf<'deleteTopics'> {
    return {
      topics: names.map((name) => {
        if (this.topics.get(name) === undefined) return { name, error: E.UNKNOWN_TOPIC_OR_PARTITION };
        this.topics.delete(name);
        this.onDeleted(name);
        return { name, error: E.NONE };
      }),
    };
  }

  ids({ topics }: RequestOf<'topicIds'>): ResponseOf<'topicIds'> {
    return {
      topics: topics.map((name) => {
        const topic = this.topics.get(name);
        if (topic === undefined) return { name, error: E.UNKNOWN_TOPIC_OR_PARTITION, id: '' };
        return { name, error: E.NONE, id: topic.uuid };
      }),
    };
  }

  describeConfigs({ topics }: RequestOf<'describeConfigs'>): ResponseOf<'describeConfigs'> {
    return {
      topics: topics.map((name) => {
        const topic = this.topics.get(name);
        if (topic === undefined) {
          return { name, error: E.UNKNOWN_TOPIC_OR_PARTITION, message: `Topic ${name} does not exist`, entries: [] };
        }
        return { name, error: E.NONE, message: null, entries: topic.config.entries() };
      }),
    };
  }

  deleteRecords({ topics }: RequestOf<'deleteRecords'>): ResponseOf<'deleteRecords'> {
    return {
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => {
          const refused = (error: number): { partition: number; error: number; lowWatermark: number } => {
            return { partition, error, lowWatermark: -1 };
          };
          const log = this.topics.log({ topic, partition });
          if (log === undefined) return refused(E.UNKNOWN_TOPIC_OR_PARTITION);
          if (!this.topics.get(topic)!.config.isDeleting) return refused(E.POLICY_VIOLATION);
          const before = offset === UP_TO_THE_END ? log.endOffset : offset;
          if (before < 0 || before > log.endOffset) return refused(E.OFFSET_OUT_OF_RANGE);
          log.removeBelow(before);
          return { partition, error: E.NONE, lowWatermark: log.logStartOffset };
        }),
      })),
    };
  }

  private refusal({
    name,
    partitions,
    replicationFactor,
    config,
  }: NewTopic): { readonly error: number; readonly message: string } | undefined {
    if (!LEGAL_NAME.test(name) || name === '.' || name === '..') {
      return { error: E.INVALID_TOPIC_EXCEPTION, message: `"${name}" is no legal topic name` };
    }
    if (this.topics.get(name) !== undefined) {
      return { error: E.TOPIC_ALREADY_EXISTS, message: `Topic '${name}' already exists.` };
    }
    if (partitions !== -1 && partitions < 1) {
      return { error: E.INVALID_PARTITIONS, message: 'Number of partitions must be larger than 0.' };
    }
    if (replicationFactor !== -1 && replicationFactor !== 1) {
      return { error: E.INVALID_REPLICATION_FACTOR, message: 'The embedded log has one broker.' };
    }
    for (const { name, value } of config) {
      const message = configProblem(name, value);
      if (message !== undefined) return { error: E.INVALID_CONFIG, message };
    }
    return undefined;
  }
}
