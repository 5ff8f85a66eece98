import type { TopicPartition } from '../../log.js';
import type { CommittedOffset } from '../groups/group-offsets.js';

/**
 *   empty -> ongoing -> committed -> ongoing ...
 *      \        |  \--> aborted  -> ongoing ...
 *       \-------+----------------> empty (InitProducerId)
 */
export type TransactionState = 'empty' | 'ongoing' | 'committed' | 'aborted';

/** One transactional id as the storage keeps it. */
export interface TransactionRecord {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  /** The epoch before the last bump that its owner asked for; such a request may be repeated. */
  readonly previousEpoch: number;
  readonly timeoutMs: number;
  readonly state: TransactionState;
  readonly startedAtMs: number;
  readonly partitions: readonly TopicPartition[];
  readonly groups: readonly { readonly groupId: string; readonly offsets: readonly CommittedOffset[] }[];
}

/** One transactional id: its owner, and what its open transaction has touched. */
export class Transaction {
  producerId = -1;
  producerEpoch = -1;
  previousEpoch = -1;
  timeoutMs = 0;
  state: TransactionState = 'empty';
  startedAtMs = 0;
  readonly partitions = new Map<string, TopicPartition>();
  readonly groups = new Map<string, Map<string, CommittedOffset>>();

  constructor(readonly transactionalId: string) {}

  static from(record: TransactionRecord): Transaction {
    const { producerId, producerEpoch, previousEpoch, timeoutMs, state, startedAtMs } = record;
    const transaction = new Transaction(record.transactionalId);
    Object.assign(transaction, { producerId, producerEpoch, previousEpoch, timeoutMs, state, startedAtMs });
    for (const partition of record.partitions) transaction.addPartition(partition);
    for (const { groupId, offsets } of record.groups) {
      transaction.addGroup(groupId);
      for (const offset of offsets) transaction.addOffset(groupId, offset);
    }
    return transaction;
  }

  toRecord(): TransactionRecord {
    const { transactionalId, producerId, producerEpoch, previousEpoch, timeoutMs, state, startedAtMs } = this;
    return {
      transactionalId,
      producerId,
      producerEpoch,
      previousEpoch,
      timeoutMs,
      state,
      startedAtMs,
      partitions: [...this.partitions.values()],
      groups: Array.from(this.groups, ([groupId, offsets]) => ({ groupId, offsets: [...offsets.values()] })),
    };
  }

  addPartition({ topic, partition }: TopicPartition): void {
    this.partitions.set(`${topic}-${partition}`, { topic, partition });
  }

  hasPartition({ topic, partition }: TopicPartition): boolean {
    return this.partitions.has(`${topic}-${partition}`);
  }

  addGroup(groupId: string): void {
    if (!this.groups.has(groupId)) this.groups.set(groupId, new Map());
  }

  addOffset(groupId: string, offset: CommittedOffset): void {
    this.groups.get(groupId)!.set(`${offset.topic}-${offset.partition}`, offset);
  }

  /** Whether the offset of `at` hangs on the outcome of this transaction. */
  holdsOffset(groupId: string, { topic, partition }: TopicPartition): boolean {
    return this.groups.get(groupId)?.has(`${topic}-${partition}`) ?? false;
  }

  end(state: TransactionState): void {
    this.state = state;
    this.partitions.clear();
    this.groups.clear();
  }
}
