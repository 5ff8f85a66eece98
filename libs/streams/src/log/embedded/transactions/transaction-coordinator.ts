import type { CancelTimer, Clock } from '../../../time/clock.js';
import type { TopicPartition } from '../../log.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { ProducerIdentity, TransactionIdentity } from '../../protocol/messages.js';
import type { BatchHeader } from '../../records/batch-header.js';
import type { CommittedOffset, GroupOffsets } from '../groups/group-offsets.js';
import type { Journal } from '../storage/journal.js';
import type { TopicRegistry } from '../topics/topic-registry.js';
import type { ProducerIds } from './producer-ids.js';
import { Transaction, type TransactionRecord } from './transaction.js';

const MAX_EPOCH = 32_766;

/**
 * Decides transactions (KIP-98). A decision, its markers, its offsets and the new state are one atomic change, so there is no moment between
 * them: an answer that a real broker gives with CONCURRENT_TRANSACTIONS first is given at once.
 */
export class TransactionCoordinator {
  private readonly transactions = new Map<string, Transaction>();
  private readonly timers = new Map<Transaction, CancelTimer>();

  constructor(
    private readonly topics: TopicRegistry,
    private readonly offsets: GroupOffsets,
    private readonly producerIds: ProducerIds,
    private readonly journal: Journal,
    private readonly clock: Clock,
  ) {}

  /** Takes the id over, or goes on as `current` with a higher epoch (KIP-360). @returns an error code if that is not the owner any more. */
  takeOver(transactionalId: string, timeoutMs: number, current?: ProducerIdentity): ProducerIdentity | number {
    let transaction = this.transactions.get(transactionalId);
    if (transaction === undefined)
      this.transactions.set(transactionalId, (transaction = new Transaction(transactionalId)));
    if (current !== undefined && transaction.producerId !== -1) {
      if (current.producerId !== transaction.producerId) return E.PRODUCER_FENCED;
      const isRepeated = transaction.previousEpoch !== -1 && current.producerEpoch === transaction.previousEpoch;
      if (isRepeated) return identityOf(transaction);
      if (current.producerEpoch !== transaction.producerEpoch) return E.PRODUCER_FENCED;
    }
    transaction.previousEpoch = current?.producerEpoch ?? -1;
    if (transaction.state === 'ongoing') this.abortFenced(transaction);
    this.bump(transaction);
    transaction.end('empty');
    transaction.timeoutMs = timeoutMs;
    this.save(transaction);
    return identityOf(transaction);
  }

  /** @returns the error code of a request that stands in a transaction, or the transaction. `fenced` is the code for an older epoch. */
  find(identity: TransactionIdentity, fenced: number = E.PRODUCER_FENCED): Transaction | number {
    const transaction = this.transactions.get(identity.transactionalId);
    if (transaction?.producerId !== identity.producerId) return E.INVALID_PRODUCER_ID_MAPPING;
    return transaction.producerEpoch === identity.producerEpoch ? transaction : fenced;
  }

  addPartitions(transaction: Transaction, partitions: readonly TopicPartition[]): void {
    this.begin(transaction);
    for (const partition of partitions) transaction.addPartition(partition);
    this.save(transaction);
  }

  addGroup(transaction: Transaction, groupId: string): void {
    this.begin(transaction);
    transaction.addGroup(groupId);
    this.save(transaction);
  }

  /** @returns INVALID_TXN_STATE if the transaction was not told about the group. */
  addOffsets(transaction: Transaction, groupId: string, offsets: readonly CommittedOffset[]): number {
    if (transaction.state !== 'ongoing' || !transaction.groups.has(groupId)) return E.INVALID_TXN_STATE;
    for (const offset of offsets) transaction.addOffset(groupId, offset);
    this.save(transaction);
    return E.NONE;
  }

  /** Safe to repeat: the same question has the same answer until the next transaction begins. */
  end(transaction: Transaction, commit: boolean): number {
    if (transaction.state === 'ongoing') {
      this.decide(transaction, commit);
      this.save(transaction);
      return E.NONE;
    }
    return transaction.state === (commit ? 'committed' : 'aborted') ? E.NONE : E.INVALID_TXN_STATE;
  }

  /** For Produce: the owner's epoch, and whether the transaction names the partition. */
  verify(transactionalId: string, { producerId, producerEpoch }: BatchHeader, partition: TopicPartition): number {
    const found = this.find({ transactionalId, producerId, producerEpoch }, E.INVALID_PRODUCER_EPOCH);
    if (typeof found === 'number') return found;
    return found.state === 'ongoing' && found.hasPartition(partition) ? E.NONE : E.INVALID_TXN_STATE;
  }

  /** Whether an offset of the group hangs on an open transaction. */
  isPending(groupId: string, partition: TopicPartition): boolean {
    for (const transaction of this.transactions.values()) if (transaction.holdsOffset(groupId, partition)) return true;
    return false;
  }

  /** Takes over what an earlier run left; an open transaction stays open until its owner comes back or its time is over. */
  restore(record: TransactionRecord): void {
    const transaction = Transaction.from(record);
    this.transactions.set(transaction.transactionalId, transaction);
    if (transaction.state !== 'ongoing') return;
    this.scheduleTimeout(transaction, transaction.startedAtMs + transaction.timeoutMs - this.clock.now());
  }

  close(): void {
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  private begin(transaction: Transaction): void {
    if (transaction.state === 'ongoing') return;
    transaction.state = 'ongoing';
    transaction.startedAtMs = this.clock.now();
    this.scheduleTimeout(transaction, transaction.timeoutMs);
  }

  private decide(transaction: Transaction, commit: boolean): void {
    this.timers.get(transaction)?.();
    this.timers.delete(transaction);
    const { producerId, producerEpoch } = transaction;
    for (const partition of transaction.partitions.values()) {
      // A partition may have been deleted since.
      const log = this.topics.log(partition);
      log?.appendMarker(commit ? 'commit' : 'abort', producerId, producerEpoch, this.clock.now());
    }
    if (commit) {
      for (const [groupId, offsets] of transaction.groups) {
        for (const offset of offsets.values()) {
          if (this.topics.log(offset) !== undefined) this.offsets.commit(groupId, offset);
        }
      }
    }
    transaction.end(commit ? 'committed' : 'aborted');
  }

  private scheduleTimeout(transaction: Transaction, delayMs: number): void {
    const expire = (): void => {
      this.timers.delete(transaction);
      // Its owner may be alive, and must not go on as if nothing had happened.
      transaction.previousEpoch = -1;
      this.abortFenced(transaction);
      this.save(transaction);
    };
    this.timers.set(transaction, this.clock.schedule(Math.max(0, delayMs), expire));
  }

  /** The markers carry the higher epoch, which fences the owner in every partition. */
  private abortFenced(transaction: Transaction): void {
    transaction.producerEpoch++;
    this.decide(transaction, false);
  }

  private bump(transaction: Transaction): void {
    if (transaction.producerId !== -1 && transaction.producerEpoch < MAX_EPOCH) {
      transaction.producerEpoch++;
      return;
    }
    transaction.producerId = this.producerIds.take();
    transaction.producerEpoch = 0;
  }

  private save(transaction: Transaction): void {
    this.journal.put('transaction', transaction.transactionalId, transaction.toRecord());
  }
}

function identityOf({ producerId, producerEpoch }: Transaction): ProducerIdentity {
  return { producerId, producerEpoch };
}
