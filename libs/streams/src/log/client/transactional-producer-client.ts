import { LogError } from '../../errors/log-error.js';
import type { Clock } from '../../time/clock.js';
import type { GroupIdentity } from '../group-member.js';
import type { PartitionOffset } from '../log.js';
import type { SourceOffsets, TransactionalProducer, TransactionalProducerOptions } from '../log-producer.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import type { RecordHeader } from '../records/record-header.js';
import type { Wire } from '../wire.js';
import { ConnectedWire } from './connected-wire.js';
import { closedError } from './kafka-error.js';
import type { PartitionBatches } from './partition-batches.js';
import { ProducePipeline } from './produce-pipeline.js';
import { TransactionCoordinator } from './transaction-coordinator.js';

const DEFAULT_TRANSACTION_TIMEOUT_MS = 10_000;
const DEFAULT_DELIVERY_TIMEOUT_MS = 120_000;
const NOTHING = -1;

/** The transactional producer, by the first transaction protocol (KIP-98) with fenced offsets (KIP-447) and epoch bumps (KIP-360). */
export class TransactionalProducerClient implements TransactionalProducer {
  private readonly pipeline: ProducePipeline;
  private readonly coordinator: TransactionCoordinator;
  private readonly named = new Set<PartitionBatches>();
  private identity: ProducerIdentity | undefined;
  /** Set before the first request that begins a transaction, since its answer may be lost. */
  private mayHaveBegun = false;
  /** From the first `init` that was not answered until one that is. */
  private isTakingOver = false;
  private isNaming = false;
  private isClosed = false;
  // The coordinator takes one change of a transaction's state at a time.
  private steps: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly wire: Wire,
    private readonly options: TransactionalProducerOptions,
    clock: Clock,
  ) {
    const { transactionalId } = options;
    this.coordinator = new TransactionCoordinator(
      new ConnectedWire(wire),
      transactionalId,
      options.transactionTimeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS,
      options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS,
      clock,
    );
    const owner = {
      transactionalId,
      identity: () => this.identity,
      admits: (batches: PartitionBatches) => this.named.has(batches),
      requestAdmission: (batches: readonly PartitionBatches[]) => this.name(batches),
    };
    this.pipeline = new ProducePipeline(wire, options, owner, clock);
  }

  async init(): Promise<void> {
    this.throwIfClosed();
    await this.quiesce();
    this.identity = undefined;
    this.isTakingOver = true;
    this.identity = await this.coordinator.initProducerId();
    this.isTakingOver = false;
    this.begin(false);
  }

  append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers?: readonly RecordHeader[],
  ): boolean {
    if (this.identity === undefined) throw this.notInitialised();
    return this.pipeline.append(topic, partition, key, value, timestampMs, headers);
  }

  drain(): Promise<void> {
    return this.pipeline.drain();
  }

  flush(): Promise<void> {
    return this.pipeline.acknowledged(this.pipeline.endRound());
  }

  acknowledgedEnd(topic: string, partition: number): number | undefined {
    return this.pipeline.acknowledgedEnd(topic, partition);
  }

  sendOffsets(offsets: readonly PartitionOffset[], group: GroupIdentity): Promise<void> {
    return this.addOffsets({ offsets, group });
  }

  async commit(source?: SourceOffsets): Promise<void> {
    const identity = this.usable();
    const round = this.pipeline.endRound();
    this.pipeline.holdAfter(round);
    await this.pipeline.acknowledged(round);
    if (source !== undefined) await this.addOffsets(source);
    await this.step(async () => {
      this.usable();
      if (this.mayHaveBegun) await this.coordinator.end(identity, true);
    });
    this.named.clear();
    this.mayHaveBegun = false;
    this.pipeline.release();
  }

  async abort(): Promise<void> {
    this.throwIfClosed();
    // The take-over ends what transaction the id had.
    if (this.isTakingOver) return this.init();
    const failure = this.pipeline.error;
    if (failure?.kind === 'fenced') throw failure;
    if (this.identity === undefined) throw this.notInitialised();
    await this.quiesce();
    // A batch whose fate is unknown leaves its sequence numbers unknown too; a new epoch begins them anew.
    let isInDoubt = failure !== undefined || this.pipeline.error !== undefined || this.pipeline.hasUnacknowledgedSend();
    if (this.mayHaveBegun) isInDoubt = !(await this.endAborted(this.identity)) || isInDoubt;
    if (isInDoubt) this.identity = await this.orFail(this.coordinator.initProducerId(this.identity));
    this.begin(!isInDoubt);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.pipeline.close(closedError('transactional producer'));
    this.coordinator.close();
    await this.wire.close();
    await this.pipeline.settled();
    await this.steps;
  }

  private async addOffsets({ offsets, group, renewed }: SourceOffsets): Promise<void> {
    const identity = this.usable();
    if (offsets.length === 0) return;
    if (group.memberId === '' || group.generationId < 0) {
      throw new LogError(
        'migrated',
        'LOG_NOT_A_MEMBER',
        `Offsets of group "${group.groupId}" cannot be committed outside a generation, where nothing would fence them. Join the group first.`,
      );
    }
    await this.step(async () => {
      this.mayHaveBegun = true;
      for (let as = group; ;) {
        try {
          return await this.coordinator.commitOffsets(identity, offsets, as);
        } catch (error) {
          // A rebalance may end between the moment the identity is read and the one the broker looks at it.
          const isOver = error instanceof LogError && error.code === 'LOG_ILLEGAL_GENERATION';
          if (!isOver || renewed === undefined) throw error;
          as = await renewed(as);
        }
      }
    });
  }

  /** @returns false if the coordinator knows of no open transaction: the request that should have begun it was lost. */
  private async endAborted(identity: ProducerIdentity): Promise<boolean> {
    try {
      await this.coordinator.end(identity, false);
      return true;
    } catch (error) {
      if (error instanceof LogError && error.code === 'LOG_INVALID_TXN_STATE') return false;
      return this.orFail(Promise.reject(error as Error));
    }
  }

  /** Sends nothing more, and waits for what is under way. */
  private async quiesce(): Promise<void> {
    this.pipeline.holdAfter(NOTHING);
    await this.pipeline.settled();
    await this.steps;
  }

  private begin(keepsSequences: boolean): void {
    this.named.clear();
    this.mayHaveBegun = false;
    this.pipeline.reset(keepsSequences);
  }

  private name(batches: readonly PartitionBatches[]): void {
    if (this.isNaming) return;
    this.isNaming = true;
    const naming = this.step(async () => {
      const identity = this.usable();
      this.mayHaveBegun = true;
      await this.coordinator.addPartitions(identity, batches);
      for (const each of batches) this.named.add(each);
    });
    // The failure is kept by the pipeline, where the next call meets it.
    void naming
      .catch(() => undefined)
      .finally(() => {
        this.isNaming = false;
        this.pipeline.pump();
      });
  }

  /** Runs after the steps before it; a failure stops the transaction until `abort` or `init`. */
  private step(action: () => Promise<void>): Promise<void> {
    const run = this.steps.then(() => this.orFail(action()));
    this.steps = run.catch(() => undefined);
    return run;
  }

  private async orFail<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      this.pipeline.fail(
        error instanceof LogError
          ? this.asTransactionError(error)
          : new LogError('fatal', 'LOG_UNKNOWN', String(error), { cause: error }),
      );
      throw this.pipeline.error;
    }
  }

  /** A request given up after its deadline leaves the transaction open and undecided: it can only be aborted. */
  private asTransactionError(error: LogError): LogError {
    if (error.kind !== 'retriable' || this.isClosed) return error;
    return new LogError('abortable', error.code, error.message, { cause: error });
  }

  private usable(): ProducerIdentity {
    this.throwIfClosed();
    if (this.pipeline.error !== undefined) throw this.pipeline.error;
    if (this.identity === undefined) throw this.notInitialised();
    return this.identity;
  }

  private throwIfClosed(): void {
    if (this.isClosed) throw closedError('transactional producer');
  }

  private notInitialised(): LogError {
    return new LogError(
      'fatal',
      'LOG_NOT_INITIALISED',
      `The transactional producer "${this.options.transactionalId}" has not taken over its id; await init() first.`,
    );
  }
}
