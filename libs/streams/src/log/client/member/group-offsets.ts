import { LogError } from '../../../errors/log-error.js';
import type { Clock } from '../../../time/clock.js';
import type { GroupIdentity } from '../../group-member.js';
import type { PartitionOffset, TopicPartition } from '../../log.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import { firstError, groupByTopic } from '../by-topic.js';
import { committedOffsets } from '../committed-offsets.js';
import type { ConnectedWire } from '../connected-wire.js';
import { CoordinatorClient } from '../coordinator-client.js';
import { kafkaError } from '../kafka-error.js';

const COMMIT_DEADLINE_MS = 30_000;
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
    connected: ConnectedWire,
    private readonly groupId: string,
    clock: Clock,
  ) {
    this.coordinator = new CoordinatorClient(connected, 'group', groupId, clock);
  }

  /** Waits until no transaction is open over them (KIP-447): an older offset would have its records processed twice. */
  committed(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    const { groupId } = this;
    return committedOffsets(this.coordinator, { groupId, requireStable: true, deadlineMs: Infinity }, partitions);
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
