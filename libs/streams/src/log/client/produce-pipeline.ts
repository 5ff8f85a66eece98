import { LogError } from '../../errors/log-error.js';
import { delay, type Clock } from '../../time/clock.js';
import type { ProducerOptions } from '../log-producer.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ProducerIdentity, ResponseOf } from '../protocol/messages.js';
import type { RecordHeader } from '../records/record-header.js';
import type { Wire } from '../wire.js';
import { byPartition, groupByTopic, partitionKey } from './by-topic.js';
import { invalidTimestamp } from './invalid-timestamp.js';
import { kafkaError } from './kafka-error.js';
import { PartitionBatches } from './partition-batches.js';
import type { SendOutcome } from './send-outcome.js';
import { absentPartition, undelivered } from './undelivered.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const DEFAULT_BATCH_BYTES = 512 * 1024;
const DEFAULT_BUFFER_BYTES = 32 * 1024 * 1024;
export const DEFAULT_DELIVERY_TIMEOUT_MS = 120_000;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_REQUESTS_PER_NODE = 5;
const PRODUCE_TIMEOUT_MS = 30_000;
const ANSWERED_BACK_OFF_MS = 20;
const UNREACHABLE_BACK_OFF_MS = 100;
/** New partitions need some time to be known to every broker; one that is absent for longer does not exist. */
const ABSENT_MS = 3000;

const TOO_LARGE: ReadonlySet<number> = new Set([
  KafkaErrorCode.MESSAGE_TOO_LARGE,
  KafkaErrorCode.RECORD_LIST_TOO_LARGE,
]);

export interface PipelineOwner {
  readonly transactionalId: string | null;
  /** The identity to send with; undefined while there is none. */
  identity(): ProducerIdentity | undefined;
  /** Whether batches of this partition may be sent now; a transaction has to name its partitions first. */
  admits(batches: PartitionBatches): boolean;
  /** Called with partitions that wait only for that; the pipeline is pumped again afterwards. */
  requestAdmission(batches: readonly PartitionBatches[]): void;
  /**
   * Called when batches of one partition were given up; later batches of that partition need a new identity. Absent: the first batch that fails
   * fails the whole pipeline.
   */
  onGivenUp?(): void;
}

interface Waiter {
  readonly round: number;
  resolve(): void;
  reject(error: LogError): void;
}

/**
 * Carries batches to the leaders: one batch per partition and request, several requests per broker. A partition is muted from the send of a
 * batch until its acknowledgement, its back-off included, and a batch is repeated with the same bytes (KIP-98).
 */
export class ProducePipeline {
  private byTopic = new Map<string, PartitionBatches[]>();
  private all: PartitionBatches[] = [];
  private readonly requests = new Map<number, number>();
  private readonly inFlight = new Set<Promise<void>>();
  private readonly closing = lastingAbort();
  private waiters: Waiter[] = [];
  private drains: Waiter[] = [];
  private failure: LogError | undefined;
  private isScheduled = false;
  private refreshing: Promise<void> | undefined;
  private buffered = 0;
  private round = 0;
  private heldFrom = Infinity;
  private readonly batchMaxBytes: number;
  private readonly bufferMaxBytes: number;
  private readonly deliveryTimeoutMs: number;

  constructor(
    private readonly wire: Wire,
    private readonly options: ProducerOptions,
    private readonly owner: PipelineOwner,
    private readonly clock: Clock,
  ) {
    this.batchMaxBytes = options.batchMaxBytes ?? DEFAULT_BATCH_BYTES;
    this.bufferMaxBytes = options.bufferMaxBytes ?? DEFAULT_BUFFER_BYTES;
    this.deliveryTimeoutMs = options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS;
  }

  /** Hot path, held by `bench process`: no promise, no closure per record. */
  append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers: readonly RecordHeader[] | undefined,
  ): boolean {
    if (this.failure !== undefined) throw this.failure;
    const batches = this.byTopic.get(topic)?.[partition] ?? this.open(topic, partition);
    this.buffered += batches.append(this.round, key, value, timestampMs, headers);
    if (!this.isScheduled) this.schedule();
    return this.buffered <= this.bufferMaxBytes;
  }

  /** Tells `outcome` what becomes of the record that was appended to the partition last. */
  watchLast(topic: string, partition: number, outcome: SendOutcome): void {
    this.byTopic.get(topic)![partition]!.watchLast(outcome);
  }

  /** Why nothing is sent any more, until a reset. */
  get error(): LogError | undefined {
    return this.failure;
  }

  /** Ends the current round: what is appended later belongs to the next. */
  endRound(): number {
    return this.round++;
  }

  /** Keeps batches of rounds after `round` back until `release`. */
  holdAfter(round: number): void {
    this.heldFrom = round + 1;
  }

  release(): void {
    this.heldFrom = Infinity;
    this.pump();
  }

  /** Settles when every batch of `round` and before is acknowledged. */
  acknowledged(round: number): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.isAcknowledged(round)) return Promise.resolve();
    this.pump();
    return new Promise((resolve, reject) => this.waiters.push({ round, resolve, reject }));
  }

  drain(): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.buffered <= this.bufferMaxBytes) return Promise.resolve();
    return new Promise((resolve, reject) => this.drains.push({ round: 0, resolve, reject }));
  }

  acknowledgedEnd(topic: string, partition: number): number | undefined {
    return this.byTopic.get(topic)?.[partition]?.acknowledgedEnd;
  }

  /** Whether a batch has been sent whose fate is not known. */
  hasUnacknowledgedSend(): boolean {
    return this.all.some(({ pending }) => pending[0]?.bytes !== undefined);
  }

  /** Settles when every request under way has been answered or given up. */
  async settled(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight);
  }

  /** Drops every batch and forgets the failure. @param keepsSequences false when the broker forgets them too, with a new epoch. */
  reset(keepsSequences: boolean): void {
    this.all = this.all.map((batches) => batches.successor(keepsSequences));
    this.byTopic = new Map();
    for (const batches of this.all) this.index(batches);
    this.buffered = 0;
    this.failure = undefined;
    this.heldFrom = Infinity;
    for (const { resolve } of this.drains.splice(0)) resolve();
  }

  fail(error: LogError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    for (const { reject } of this.waiters.splice(0)) reject(error);
    for (const { reject } of this.drains.splice(0)) reject(error);
    for (const batches of this.all) batches.failShares(error);
  }

  /** Drops what waits for an identity. */
  giveUpUnidentified(error: LogError): void {
    for (const batches of this.all) if (batches.identity === undefined) this.buffered -= batches.drop(Infinity, error);
    this.notify();
  }

  close(error: LogError): void {
    this.closing.abort();
    this.fail(error);
  }

  pump(): void {
    if (this.failure !== undefined) return;
    const identity = this.owner.identity();
    if (identity === undefined && this.owner.onGivenUp === undefined) return;
    const byLeader = new Map<number, PartitionBatches[]>();
    const waiting: PartitionBatches[] = [];
    for (const batches of this.all) {
      if (!this.isSendable(batches) || (batches.identity ?? identity) === undefined) continue;
      if (!this.owner.admits(batches)) {
        waiting.push(batches);
        continue;
      }
      const leader = this.wire.leaderOf(batches.topic, batches.partition);
      if (leader === undefined) {
        this.refreshSoon();
        continue;
      }
      const group = byLeader.get(leader);
      if (group) group.push(batches);
      else byLeader.set(leader, [batches]);
    }
    for (const [leader, group] of byLeader) this.sendTo(leader, group, identity);
    if (waiting.length > 0) this.owner.requestAdmission(waiting);
  }

  private open(topic: string, partition: number): PartitionBatches {
    const batches = new PartitionBatches(topic, partition, this.batchMaxBytes);
    this.all.push(batches);
    this.index(batches);
    return batches;
  }

  private index(batches: PartitionBatches): void {
    const partitions = this.byTopic.get(batches.topic) ?? [];
    partitions[batches.partition] = batches;
    this.byTopic.set(batches.topic, partitions);
  }

  private schedule(): void {
    this.isScheduled = true;
    // Everything appended until the event loop turns goes into the same batch.
    setImmediate(() => {
      this.isScheduled = false;
      this.pump();
    });
  }

  private isSendable({ isMuted, pending }: PartitionBatches): boolean {
    return !isMuted && pending.length > 0 && pending[0]!.round < this.heldFrom;
  }

  private isAcknowledged(round: number): boolean {
    return this.all.every(({ pending }) => pending.length === 0 || pending[0]!.round > round);
  }

  private sendTo(leader: number, group: readonly PartitionBatches[], identity: ProducerIdentity | undefined): void {
    for (let next = 0; next < group.length && (this.requests.get(leader) ?? 0) < MAX_REQUESTS_PER_NODE;) {
      const chosen: PartitionBatches[] = [];
      for (let bytes = 0; next < group.length; next++) {
        const batches = group[next]!;
        const isTransactional = this.owner.transactionalId !== null;
        const codec = this.options.compression ?? 'none';
        if (chosen.length > 0 && bytes + batches.pending[0]!.builder.byteLength > MAX_REQUEST_BYTES) break;
        const sender = batches.identity ?? identity!;
        if (this.owner.onGivenUp !== undefined) batches.identity = sender;
        bytes += batches.finishHead(sender, isTransactional, codec, this.clock.monotonic()).length;
        batches.isMuted = true;
        chosen.push(batches);
      }
      this.requests.set(leader, (this.requests.get(leader) ?? 0) + 1);
      const request = this.request(leader, chosen).finally(() => this.inFlight.delete(request));
      this.inFlight.add(request);
    }
  }

  private async request(leader: number, group: readonly PartitionBatches[]): Promise<void> {
    let response: ResponseOf<'produce'> | undefined;
    let failure: LogError | undefined;
    try {
      response = await this.wire.send(
        leader,
        'produce',
        {
          transactionalId: this.owner.transactionalId,
          acks: -1,
          timeoutMs: PRODUCE_TIMEOUT_MS,
          topics: groupByTopic(group, ({ partition, pending }) => ({ partition, records: pending[0]!.bytes! })),
        },
        PRODUCE_TIMEOUT_MS,
      );
    } catch (error) {
      failure =
        error instanceof LogError
          ? error
          : new LogError('fatal', 'LOG_UNKNOWN', `A produce request failed: ${String(error)}`, { cause: error });
    }
    this.requests.set(leader, this.requests.get(leader)! - 1);
    const repeated = this.settle(group, response, failure);
    if (repeated.length > 0 && this.failure === undefined) {
      this.pump();
      await delay(this.clock, failure ? UNREACHABLE_BACK_OFF_MS : ANSWERED_BACK_OFF_MS, this.closing.signal);
      await this.refresh(repeated);
    }
    for (const batches of repeated) batches.isMuted = false;
    this.pump();
  }

  /** @returns the partitions whose batch has to be sent again. */
  private settle(
    group: readonly PartitionBatches[],
    response: ResponseOf<'produce'> | undefined,
    failure: LogError | undefined,
  ): PartitionBatches[] {
    const answers = byPartition(response?.topics ?? []);
    const repeated: PartitionBatches[] = [];
    for (const batches of group) {
      // Dropped by a reset meanwhile: nobody waits for this answer any more.
      if (this.byTopic.get(batches.topic)?.[batches.partition] !== batches) continue;
      const answer = answers.get(partitionKey(batches.topic, batches.partition));
      if (answer?.error === KafkaErrorCode.NONE || answer?.error === KafkaErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
        this.buffered -= batches.acknowledgeHead(answer.baseOffset);
        batches.isMuted = false;
        continue;
      }
      if (TOO_LARGE.has(answer?.error ?? 0) && batches.pending[0]!.builder.count > 1) {
        this.buffered += batches.splitHead();
        batches.isMuted = false;
        continue;
      }
      const where = `records for ${batches.topic}-${batches.partition}`;
      const bytes = batches.pending[0]!.bytes!;
      const details = { topic: batches.topic, batchBytes: bytes.length };
      const error =
        answer?.error === KafkaErrorCode.INVALID_TIMESTAMP
          ? invalidTimestamp(answer, where, bytes, details, this.clock)
          : answer === undefined
            ? failure
            : kafkaError(answer.error, where, answer.message, details);
      // What was damaged on its way is sent again.
      const isRetried =
        error === undefined || error.kind === 'retriable' || answer?.error === KafkaErrorCode.CORRUPT_MESSAGE;
      if (!isRetried) this.giveUp(batches, 1, error);
      else if (this.clock.monotonic() - batches.pending[0]!.firstSentMs > this.deliveryTimeoutMs) {
        this.giveUp(batches, Infinity, this.undelivered(where, error));
      } else repeated.push(batches);
    }
    this.notify();
    return repeated;
  }

  /** The `count` oldest batches of the partition are not sent again. */
  private giveUp(batches: PartitionBatches, count: number, error: LogError): void {
    if (this.owner.onGivenUp === undefined) return this.fail(error);
    this.buffered -= batches.drop(count, error);
    const next = batches.renewed();
    this.all[this.all.indexOf(batches)] = next;
    this.index(next);
    this.owner.onGivenUp();
    this.notify();
  }

  private undelivered(where: string, cause: LogError | undefined): LogError {
    return undelivered(where, this.owner.transactionalId !== null, this.deliveryTimeoutMs, cause);
  }

  private notify(): void {
    if (this.waiters.length > 0 && this.failure === undefined) {
      const done = this.waiters.filter(({ round }) => this.isAcknowledged(round));
      this.waiters = this.waiters.filter((waiter) => !done.includes(waiter));
      for (const { resolve } of done) resolve();
    }
    if (this.buffered <= this.bufferMaxBytes) for (const { resolve } of this.drains.splice(0)) resolve();
  }

  private refreshSoon(): void {
    this.refreshing ??= this.lookForLeaders();
  }

  private async lookForLeaders(): Promise<void> {
    const isAnswered = await this.refresh(this.all);
    await delay(this.clock, ANSWERED_BACK_OFF_MS, this.closing.signal);
    this.refreshing = undefined;
    this.failOverdue(isAnswered);
    this.pump();
  }

  /** Batches without a leader are never sent, so their time is taken from the first look. */
  private failOverdue(isAnswered: boolean): void {
    const now = this.clock.monotonic();
    for (const batches of this.all) {
      const { topic, partition, pending, isMuted } = batches;
      const count = this.wire.partitions(topic).length;
      if (partition < count) batches.absentSinceMs = undefined;
      else if (isAnswered) batches.absentSinceMs ??= now;
      const head = pending[0];
      if (head === undefined || isMuted || this.wire.leaderOf(topic, partition) !== undefined) continue;
      const absentMs = now - (batches.absentSinceMs ?? now);
      if (head.firstSentMs === 0) head.firstSentMs = now;
      else if (now - head.firstSentMs > this.deliveryTimeoutMs)
        this.giveUp(batches, Infinity, this.undelivered(`records for ${topic}-${partition}`, undefined));
      else if (this.owner.onGivenUp && isAnswered && absentMs > ABSENT_MS)
        this.giveUp(batches, Infinity, absentPartition(topic, partition, count, head.bytes !== undefined));
    }
  }

  /** @returns whether a broker answered. */
  private async refresh(group: readonly PartitionBatches[]): Promise<boolean> {
    const tracked = this.wire.track([...new Set(group.map(({ topic }) => topic))]);
    return tracked.then(
      () => true,
      () => false,
    );
  }
}
