import type { LogError } from '../../errors/log-error.js';
import type { CompressionCodec } from '../log-producer.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import { BatchBuilder } from '../records/batch-builder.js';
import type { RecordHeader } from '../records/record-header.js';
import { splitBatch } from '../records/split-batch.js';
import { divideShares, type BatchShare, type SendOutcome } from './send-outcome.js';

const FIRST_BATCH_BYTES = 4096;
const SEQUENCES = 2 ** 31;

/** One batch on its way: first being filled, then finished into bytes that every retry repeats. */
export interface PendingBatch {
  readonly builder: BatchBuilder;
  /** The flush or transaction it belongs to; rounds are acknowledged in order. */
  readonly round: number;
  bytes: Buffer | undefined;
  firstSentMs: number;
  /** Of calls that wait for their own records alone. */
  shares?: BatchShare[];
}

/** The batches of one partition, oldest first. Only the oldest is ever under way, so order needs no bookkeeping. */
export class PartitionBatches {
  readonly pending: PendingBatch[] = [];
  /** Set while the oldest batch is under way or waits to be repeated. */
  isMuted = false;
  acknowledgedEnd: number | undefined;
  /** Since when brokers have said that there is no such partition. */
  absentSinceMs: number | undefined;
  /** Under which the batches are sent, where partitions have producer ids of their own. */
  identity: ProducerIdentity | undefined;
  private nextSequence = 0;
  private lastSize = FIRST_BATCH_BYTES;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private batchMaxBytes: number,
  ) {}

  /** Hot path: one call per record. @returns by how many bytes the buffer grew. */
  append(
    round: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers: readonly RecordHeader[] | undefined,
  ): number {
    const last = this.pending.at(-1);
    if (last !== undefined && last.bytes === undefined && last.round === round) {
      const before = last.builder.byteLength;
      if (last.builder.append(key, value, timestampMs, headers)) return last.builder.byteLength - before;
      this.lastSize = before;
    }
    const builder = new BatchBuilder(this.batchMaxBytes, this.lastSize);
    builder.append(key, value, timestampMs, headers);
    this.pending.push({ builder, round, bytes: undefined, firstSentMs: 0 });
    return builder.byteLength;
  }

  /** Tells `outcome` what becomes of the record that was appended last. */
  watchLast(outcome: SendOutcome): void {
    const batch = this.pending.at(-1)!;
    const index = batch.builder.count - 1;
    const shares = (batch.shares ??= []);
    const last = shares.at(-1);
    if (last?.outcome === outcome && last.to === index) {
      last.to++;
      return;
    }
    shares.push({ from: index, to: index + 1, outcome });
    outcome.expect(1);
  }

  /** Takes the sequence numbers of the oldest batch, once; its bytes are kept over every retry. */
  finishHead(
    identity: ProducerIdentity,
    isTransactional: boolean,
    compression: CompressionCodec,
    nowMs: number,
  ): Buffer {
    const head = this.pending[0]!;
    if (head.bytes === undefined) {
      head.firstSentMs = nowMs;
      this.lastSize = Math.max(FIRST_BATCH_BYTES, head.builder.byteLength);
      head.bytes = head.builder.finish({
        ...identity,
        baseSequence: this.nextSequence,
        isTransactional,
        compression,
      });
      this.nextSequence = (this.nextSequence + head.builder.count) % SEQUENCES;
    }
    return head.bytes;
  }

  /** @returns the bytes that the acknowledged batch held in the buffer. */
  acknowledgeHead(baseOffset: number): number {
    const head = this.pending.shift()!;
    // A broker that no longer remembers where a repeated batch went answers -1; the end then stays a safe lower bound.
    if (baseOffset >= 0) this.acknowledgedEnd = baseOffset + head.builder.count;
    for (const { to, outcome } of head.shares ?? [])
      outcome.acknowledge(this.partition, baseOffset >= 0 ? baseOffset + to : this.acknowledgedEnd);
    return head.builder.byteLength;
  }

  /** The leader finds the oldest batch too large, and stored nothing of it. @returns by how many bytes the buffer grew. */
  splitHead(): number {
    const { builder, round, shares } = this.pending.shift()!;
    const parts = splitBatch(builder);
    const counts = parts.map(({ count }) => count);
    const divided = shares === undefined ? [] : divideShares(shares, counts);
    this.pending.unshift(
      ...parts.map((part, i) => ({ builder: part, round, bytes: undefined, firstSentMs: 0, shares: divided[i] })),
    );
    this.nextSequence = (this.nextSequence - builder.count + SEQUENCES) % SEQUENCES;
    this.batchMaxBytes = Math.min(this.batchMaxBytes, Math.ceil(builder.byteLength / 2));
    return parts.reduce((bytes, { byteLength }) => bytes + byteLength, -builder.byteLength);
  }

  /** The `count` oldest batches are not sent again. @returns the bytes they held in the buffer. */
  drop(count: number, error: LogError): number {
    let bytes = 0;
    for (const { builder, shares } of this.pending.splice(0, count)) {
      bytes += builder.byteLength;
      for (const { outcome } of shares ?? []) outcome.fail(error);
    }
    return bytes;
  }

  /** Tells every call that waits for its records that they will not be sent. */
  failShares(error: LogError): void {
    for (const batch of this.pending) {
      for (const { outcome } of batch.shares ?? []) outcome.fail(error);
      batch.shares = undefined;
    }
  }

  /** The batches that were never sent, under a producer id to come. */
  renewed(): PartitionBatches {
    const next = this.successor(false);
    next.pending.push(...this.pending);
    return next;
  }

  /** A fresh set of batches for the same partition; what is still under way answers to the old one. */
  successor(keepsSequence: boolean): PartitionBatches {
    const next = new PartitionBatches(this.topic, this.partition, this.batchMaxBytes);
    next.acknowledgedEnd = this.acknowledgedEnd;
    if (keepsSequence) next.nextSequence = this.nextSequence;
    return next;
  }
}
