import { LogError } from '../../../errors/log-error.js';
import type { Clock } from '../../../time/clock.js';
import type { GroupIdentity } from '../../group-member.js';
import type { PartitionOffset, TopicPartition } from '../../log.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import { firstError, groupByTopic } from '../by-topic.js';
import { committedOffsets } from '../committed-offsets.js';
import type { WireConnection } from '../connected-wire.js';
import { CoordinatorClient } from '../coordinator-client.js';
import { closedError, kafkaError } from '../kafka-error.js';

const COMMIT_DEADLINE_MS = 30_000;
/** While the leader assigns; a commit is taken again right after. */
const WHILE_ASSIGNING: ReadonlySet<number> = new Set([KafkaErrorCode.REBALANCE_IN_PROGRESS]);
const MOVED_ON: ReadonlySet<number> = new Set([
  KafkaErrorCode.ILLEGAL_GENERATION,
  KafkaErrorCode.UNKNOWN_MEMBER_ID,
  KafkaErrorCode.REBALANCE_IN_PROGRESS,
  KafkaErrorCode.FENCED_INSTANCE_ID,
]);

/** The offsets that a group has committed. */
export class GroupOffsets {
  /** One each, because reads end before commits do. */
  private readonly reads: CoordinatorClient;
  private readonly commits: CoordinatorClient;
  private readonly readsEnded = new AbortController();

  constructor(
    connected: WireConnection,
    private readonly groupId: string,
    clock: Clock,
  ) {
    this.reads = new CoordinatorClient(connected, 'group', groupId, clock);
    this.commits = new CoordinatorClient(connected, 'group', groupId, clock);
  }

  /** Waits until no transaction is open over them (KIP-447): an older offset would have its records processed twice. */
  async committed(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    const { groupId } = this;
    const { signal } = this.readsEnded;
    if (signal.aborted) throw signal.reason as LogError;
    return new Promise((resolve, reject) => {
      const end = (): void => reject(signal.reason as LogError);
      signal.addEventListener('abort', end, { once: true });
      void committedOffsets(this.reads, { groupId, requireStable: true, deadlineMs: Infinity }, partitions)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', end));
    });
  }

  /**
   * @param renewed names the identity to go on with where the generation of `identity` is over; undefined ends the commit there.
   * @throws LogError of kind `migrated`
   */
  async commit(
    offsets: readonly PartitionOffset[],
    identity: GroupIdentity,
    renewed: ((refused: GroupIdentity) => Promise<GroupIdentity>) | undefined,
  ): Promise<void> {
    if (offsets.length === 0) return;
    for (let as = identity; !(await this.tryCommit(offsets, as));) {
      if (renewed === undefined) throw this.refusal(KafkaErrorCode.ILLEGAL_GENERATION, as);
      as = await renewed(as);
    }
  }

  /** @returns false if the generation is over. */
  private async tryCommit(offsets: readonly PartitionOffset[], identity: GroupIdentity): Promise<boolean> {
    const answer = await this.commits.call({
      api: 'offsetCommit',
      request: {
        ...identity,
        instanceId: identity.instanceId ?? null,
        topics: groupByTopic(offsets, ({ partition, offset }) => ({ partition, offset, metadata: null })),
      },
      errorOf: ({ topics }) => firstError(topics),
      retryOn: WHILE_ASSIGNING,
      deadlineMs: COMMIT_DEADLINE_MS,
    });
    const error = firstError(answer.topics);
    if (error === 0) return true;
    if (error === KafkaErrorCode.ILLEGAL_GENERATION) return false;
    const refused = this.refusal(error, identity);
    throw MOVED_ON.has(error) ? new LogError('migrated', refused.code, refused.message, { cause: refused }) : refused;
  }

  private refusal(error: number, { generationId }: GroupIdentity): LogError {
    return kafkaError(error, `the offsets of generation ${generationId} of the group "${this.groupId}"`);
  }

  /** Rejects what waits in `committed`, and what asks it from here on; `commit` goes on. */
  endReads(): void {
    this.readsEnded.abort(closedError('group member'));
    this.reads.close();
  }

  close(): void {
    this.endReads();
    this.commits.close();
  }
}
