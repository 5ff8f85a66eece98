import type { ErrorDetails } from '../../errors/streams-error.js';
import type { Clock } from '../../time/clock.js';
import type { GroupIdentity } from '../group-member.js';
import type { PartitionOffset, TopicPartition } from '../log.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ByTopic, PartitionError, ProducerIdentity } from '../protocol/messages.js';
import { firstError, groupByTopic } from './by-topic.js';
import type { ConnectedWire } from './connected-wire.js';
import { CoordinatorClient } from './coordinator-client.js';
import { kafkaError } from './kafka-error.js';
import { refusedTransactionTimeout } from './refused-timeouts.js';

const WHILE_ENDING: ReadonlySet<number> = new Set([KafkaErrorCode.CONCURRENT_TRANSACTIONS]);
const WHILE_ENDING_OR_CREATING: ReadonlySet<number> = new Set([
  KafkaErrorCode.CONCURRENT_TRANSACTIONS,
  KafkaErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
]);
// Stands at the other partitions of a request that failed because of one.
const OPERATION_NOT_ATTEMPTED = 55;

/** The requests of one transactional id, each asked again until its coordinator decides. All throw `LogError`. */
export class TransactionCoordinator {
  private readonly own: CoordinatorClient;
  private readonly groups = new Map<string, CoordinatorClient>();

  constructor(
    private readonly connected: ConnectedWire,
    private readonly transactionalId: string,
    private readonly transactionTimeoutMs: number,
    private readonly deadlineMs: number,
    private readonly clock: Clock,
  ) {
    this.own = new CoordinatorClient(connected, 'transaction', transactionalId, clock);
  }

  /** Without `current` it takes the id over from any owner; with it, only that owner may go on, with a higher epoch (KIP-360). */
  async initProducerId(current?: ProducerIdentity): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = current ?? { producerId: -1, producerEpoch: -1 };
    const response = await this.own.call({
      api: 'initProducerId',
      request: {
        transactionalId: this.transactionalId,
        transactionTimeoutMs: this.transactionTimeoutMs,
        producerId,
        producerEpoch,
      },
      errorOf: ({ error }) => error,
      retryOn: WHILE_ENDING,
      deadlineMs: this.deadlineMs,
    });
    if (response.error === KafkaErrorCode.INVALID_TRANSACTION_TIMEOUT)
      throw refusedTransactionTimeout(this.transactionTimeoutMs, this.transactionalId);
    this.check(response.error, 'InitProducerId');
    return { producerId: response.producerId, producerEpoch: response.producerEpoch };
  }

  async addPartitions(identity: ProducerIdentity, partitions: readonly TopicPartition[]): Promise<void> {
    const errorOf = ({ topics }: { topics: readonly ByTopic<PartitionError>[] }): number =>
      culpritOf(topics)?.error ?? firstError(topics);
    const response = await this.own.call({
      api: 'addPartitionsToTxn',
      request: {
        transactionalId: this.transactionalId,
        ...identity,
        topics: groupByTopic(partitions, ({ partition }) => partition),
      },
      errorOf,
      retryOn: WHILE_ENDING_OR_CREATING,
      deadlineMs: this.deadlineMs,
    });
    this.check(errorOf(response), 'AddPartitionsToTxn', { topic: culpritOf(response.topics)?.topic });
  }

  async commitOffsets(
    identity: ProducerIdentity,
    offsets: readonly PartitionOffset[],
    group: GroupIdentity,
  ): Promise<void> {
    const added = await this.own.call({
      api: 'addOffsetsToTxn',
      request: { transactionalId: this.transactionalId, ...identity, groupId: group.groupId },
      errorOf: ({ error }) => error,
      retryOn: WHILE_ENDING,
      deadlineMs: this.deadlineMs,
    });
    this.check(added.error, 'AddOffsetsToTxn');
    const committed = await this.groupCoordinator(group.groupId).call({
      api: 'txnOffsetCommit',
      request: {
        transactionalId: this.transactionalId,
        ...identity,
        groupId: group.groupId,
        memberId: group.memberId,
        generationId: group.generationId,
        instanceId: group.instanceId ?? null,
        topics: groupByTopic(offsets, ({ partition, offset }) => ({ partition, offset, metadata: null })),
      },
      errorOf: ({ topics }) => firstError(topics),
      retryOn: WHILE_ENDING_OR_CREATING,
      deadlineMs: this.deadlineMs,
    });
    this.check(firstError(committed.topics), `TxnOffsetCommit of group "${group.groupId}"`);
  }

  /** The same question with the same epoch has the same answer, so this is asked until there is one. */
  async end(identity: ProducerIdentity, commit: boolean): Promise<void> {
    const response = await this.own.call({
      api: 'endTxn',
      request: { transactionalId: this.transactionalId, ...identity, commit },
      errorOf: ({ error }) => error,
      retryOn: WHILE_ENDING,
      deadlineMs: Infinity,
    });
    this.check(response.error, commit ? 'EndTxn (commit)' : 'EndTxn (abort)');
  }

  close(): void {
    this.own.close();
    for (const group of this.groups.values()) group.close();
  }

  private groupCoordinator(groupId: string): CoordinatorClient {
    let client = this.groups.get(groupId);
    if (client === undefined) {
      client = new CoordinatorClient(this.connected, 'group', groupId, this.clock);
      this.groups.set(groupId, client);
    }
    return client;
  }

  private check(code: number, request: string, details?: ErrorDetails): void {
    if (code !== KafkaErrorCode.NONE)
      throw kafkaError(code, `${request} for the transactional id "${this.transactionalId}"`, null, details);
  }
}

/** Because of which a request with several partitions failed. */
function culpritOf(topics: readonly ByTopic<PartitionError>[]): { topic: string; error: number } | undefined {
  for (const { topic, partitions } of topics)
    for (const { error } of partitions) if (error !== 0 && error !== OPERATION_NOT_ATTEMPTED) return { topic, error };
  return undefined;
}
