import type { PartitionOffset, TopicPartition } from '../log.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import { byPartition, firstError, groupByTopic, partitionKey } from './by-topic.js';
import type { CoordinatorClient } from './coordinator-client.js';
import { kafkaError } from './kafka-error.js';

const UNSTABLE: ReadonlySet<number> = new Set([KafkaErrorCode.UNSTABLE_OFFSET_COMMIT]);

export interface CommittedOffsetsRequest {
  readonly groupId: string;
  /** Waits until no transaction is open over them (KIP-447); only such a request is ever answered with 88. */
  readonly requireStable: boolean;
  readonly deadlineMs: number;
}

/** The committed offsets of a group in the order of `partitions`; -1 where nothing was committed. */
export async function committedOffsets(
  coordinator: CoordinatorClient,
  { groupId, requireStable, deadlineMs }: CommittedOffsetsRequest,
  partitions: readonly TopicPartition[],
): Promise<PartitionOffset[]> {
  if (partitions.length === 0) return [];
  const response = await coordinator.call({
    api: 'offsetFetch',
    request: { groupId, requireStable, topics: groupByTopic(partitions, ({ partition }) => partition) },
    errorOf: ({ error, topics }) => error || firstError(topics),
    retryOn: UNSTABLE,
    asksAnew: true,
    deadlineMs,
  });
  const code = response.error || firstError(response.topics);
  if (code !== KafkaErrorCode.NONE) throw kafkaError(code, `the committed offsets of the group "${groupId}"`);
  const found = byPartition(response.topics);
  return partitions.map(({ topic, partition }) => ({
    topic,
    partition,
    offset: found.get(partitionKey(topic, partition))?.offset ?? -1,
  }));
}
