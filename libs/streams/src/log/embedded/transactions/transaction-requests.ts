import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { ByTopic, PartitionError, RequestOf, ResponseOf } from '../../protocol/messages.js';
import type { GroupCoordinator } from '../groups/group-coordinator.js';
import type { TopicRegistry } from '../topics/topic-registry.js';
import type { ProducerIds } from './producer-ids.js';
import type { TransactionCoordinator } from './transaction-coordinator.js';

const NO_PRODUCER = -1;
// Stands at the other partitions of a request that is refused because of one.
const OPERATION_NOT_ATTEMPTED = 55;

/** InitProducerId and the requests inside a transaction. */
export class TransactionRequests {
  constructor(
    private readonly topics: TopicRegistry,
    private readonly transactions: TransactionCoordinator,
    private readonly groups: GroupCoordinator,
    private readonly producerIds: ProducerIds,
  ) {}

  initProducerId(request: RequestOf<'initProducerId'>): ResponseOf<'initProducerId'> {
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request;
    if (transactionalId === null) return { error: E.NONE, producerId: this.producerIds.take(), producerEpoch: 0 };
    const current = producerId === NO_PRODUCER ? undefined : { producerId, producerEpoch };
    const identity = this.transactions.takeOver(transactionalId, transactionTimeoutMs, current);
    return typeof identity === 'number'
      ? { error: identity, producerId: NO_PRODUCER, producerEpoch: -1 }
      : { error: E.NONE, ...identity };
  }

  addPartitions(request: RequestOf<'addPartitionsToTxn'>): ResponseOf<'addPartitionsToTxn'> {
    const found = this.transactions.find(request);
    if (typeof found === 'number') return { topics: answerEach(request.topics, numberOf, () => found) };
    const isUnknown = (topic: string, partition: number): boolean =>
      this.topics.log({ topic, partition }) === undefined;
    const partitions = request.topics.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    if (partitions.some(({ topic, partition }) => isUnknown(topic, partition))) {
      return {
        topics: answerEach(request.topics, numberOf, (topic, partition) =>
          isUnknown(topic, partition) ? E.UNKNOWN_TOPIC_OR_PARTITION : OPERATION_NOT_ATTEMPTED,
        ),
      };
    }
    this.transactions.addPartitions(found, partitions);
    return { topics: answerEach(request.topics, numberOf, () => E.NONE) };
  }

  addOffsets(request: RequestOf<'addOffsetsToTxn'>): ResponseOf<'addOffsetsToTxn'> {
    const found = this.transactions.find(request);
    if (typeof found === 'number') return { error: found };
    this.transactions.addGroup(found, request.groupId);
    return { error: E.NONE };
  }

  commitOffsets(request: RequestOf<'txnOffsetCommit'>): ResponseOf<'txnOffsetCommit'> {
    const { topics, groupId } = request;
    const refuseAll = (error: number): ResponseOf<'txnOffsetCommit'> => ({
      topics: answerEach(topics, partitionOf, () => error),
    });
    const found = this.transactions.find(request, E.INVALID_PRODUCER_EPOCH);
    if (typeof found === 'number') return refuseAll(found);
    const fencing = this.groups.verifyCommit(request, true);
    if (fencing !== E.NONE) return refuseAll(fencing);
    const known = topics.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ partition }) => this.topics.log({ topic, partition }) !== undefined)
        .map((offset) => ({ topic, ...offset })),
    );
    const error = this.transactions.addOffsets(found, groupId, known);
    if (error !== E.NONE) return refuseAll(error);
    return {
      topics: answerEach(topics, partitionOf, (topic, partition) =>
        this.topics.log({ topic, partition }) === undefined ? E.UNKNOWN_TOPIC_OR_PARTITION : E.NONE,
      ),
    };
  }

  end(request: RequestOf<'endTxn'>): ResponseOf<'endTxn'> {
    const found = this.transactions.find(request);
    return { error: typeof found === 'number' ? found : this.transactions.end(found, request.commit) };
  }
}

const numberOf = (partition: number): number => partition;
const partitionOf = ({ partition }: { readonly partition: number }): number => partition;

function answerEach<P>(
  topics: readonly ByTopic<P>[],
  toNumber: (item: P) => number,
  errorOf: (topic: string, partition: number) => number,
): ByTopic<PartitionError>[] {
  return topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((item) => {
      const partition = toNumber(item);
      return { partition, error: errorOf(topic, partition) };
    }),
  }));
}
