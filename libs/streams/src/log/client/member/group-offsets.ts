import { LogError } from '../../../errors/log-error.js';
import type { Clock } from '../../../time/clock.js';
import type { GroupIdentity } from '../../group-member.js';
import type { PartitionOffset, TopicPartition } from '../../log.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import type { Wire } from '../../wire.js';
import { firstError, groupByTopic, partitionKey } from '../by-topic.js';
import { ConnectedWire } from '../connected-wire.js';
import { CoordinatorClient } from '../coordinator-client.js';
import { kafkaError } from '../kafka-error.js';

const COMMIT_DEADLINE_MS = 30_000;
const UNSTABLE: ReadonlySet<number> = new Set([KafkaErrorCode.UNSTABLE_OFFSET_COMMIT]);
const MOVED_ON: ReadonlySet<number> = new Set([
  KafkaErrorCode.ILLEGAL_GENERATION,
  KafkaErrorCode.UNKNOWN_MEMBER_ID,
  KafkaErrorCode.REBALANCE_IN_PROGRESS,
  KafkaErrorCode.FENCED_INSTANCE_ID,
]);

/** The offsets that a group has committed. */
export class GroupOffsets {
  private readonly coordinator: CoordinatorClient;

  constructor(
    wire: Wire,
    private readonly groupId: string,
    clock: Clock,
  ) {
    this.coordinator = new CoordinatorClient(new ConnectedWire(wire), 'group', groupId, clock);
  }

  /** Waits until no transaction is open over them (KIP-447): an older offset would have its records processed twice. */
  async committed(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    if (partitions.length === 0) return [];
    const answer = await this.coordinator.call({
      api: 'offsetFetch',
      request: {
        groupId: this.groupId,
        requireStable: true,
        topics: groupByTopic(partitions, ({ partition }) => partition),
      },
      errorOf: ({ error, topics }) => error || firstError(topics),
      retryOn: UNSTABLE,
      deadlineMs: Infinity,
    });
    const error = answer.error || firstError(answer.topics);
    if (error !== 0) throw kafkaError(error, `the committed offsets of the group "${this.groupId}"`);
    const found = new Map<string, number>();
    for (const { topic, partitions: offsets } of answer.topics) {
      for (const { partition, offset } of offsets) found.set(partitionKey(topic, partition), offset);
    }
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: found.get(partitionKey(topic, partition)) ?? -1,
    }));
  }

  /** @throws LogError of kind `migrated` when the generation of `identity` is over. */
  async commit(offsets: readonly PartitionOffset[], identity: GroupIdentity): Promise<void> {
    if (offsets.length === 0) return;
    const answer = await this.coordinator.call({
      api: 'offsetCommit',
      request: {
        ...identity,
        instanceId: identity.instanceId ?? null,
        topics: groupByTopic(offsets, ({ partition, offset }) => ({ partition, offset, metadata: null })),
      },
      errorOf: ({ topics }) => firstError(topics),
      deadlineMs: COMMIT_DEADLINE_MS,
    });
    const error = firstError(answer.topics);
    if (error === 0) return;
    const refused = kafkaError(
      error,
      `the offsets of generation ${identity.generationId} of the group "${this.groupId}"`,
    );
    throw MOVED_ON.has(error) ? new LogError('migrated', refused.code, refused.message, { cause: refused }) : refused;
  }

  close(): void {
    this.coordinator.close();
  }
}
