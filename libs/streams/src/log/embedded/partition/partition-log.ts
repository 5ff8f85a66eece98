import type { AbortedTransaction } from '../../protocol/messages.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import { assignBaseOffset, BatchAttribute, readBatchHeader, type BatchHeader } from '../../records/batch-header.js';
import { encodeControlBatch } from '../../records/batch-builder.js';
import { isAbortMarker } from '../../records/record-decoder.js';
import type { Journal } from '../storage/journal.js';
import { ProducerStates } from './producer-states.js';
import { storedBatch, type StoredBatch } from './stored-batch.js';
import { TransactionIndex } from './transaction-index.js';

export interface AppendResult {
  readonly error: number;
  readonly baseOffset: number;
}

/** What one fetch reads of a partition: an index into the log, taken in one moment. */
export interface ReadPlan {
  readonly log: PartitionLog;
  readonly version: number;
  readonly batches: readonly StoredBatch[];
  readonly byteLength: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
}

export interface ReadBounds {
  readonly isCommittedOnly: boolean;
  readonly maxBytes: number;
  /** Batches from here on are left out. */
  readonly before?: number;
}

/** The range of a log, as the storage keeps it: its ends may lie in holes. */
export interface LogBounds {
  readonly start: number;
  readonly end: number;
}

export interface PartitionIdentity {
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
}

/** One partition: record batches in the order of their offsets, perhaps with holes where compaction dropped some. */
export class PartitionLog {
  private readonly producers = new ProducerStates();
  private readonly transactions = new TransactionIndex();
  private readonly listeners = new Set<() => void>();
  private stored: StoredBatch[] = [];
  private startOffset = 0;
  private nextOffset = 0;
  private bytes = 0;
  private cleanings = 0;

  constructor(
    readonly identity: PartitionIdentity,
    private readonly journal: Journal,
  ) {}

  get logStartOffset(): number {
    return this.startOffset;
  }

  get endOffset(): number {
    return this.nextOffset;
  }

  get lastStableOffset(): number {
    return this.transactions.lastStableOffset(this.nextOffset);
  }

  get byteLength(): number {
    return this.bytes;
  }

  get batches(): readonly StoredBatch[] {
    return this.stored;
  }

  /** Changes whenever batches are removed or rewritten. */
  get version(): number {
    return this.cleanings;
  }

  /** Appends one batch of a producer; its bytes belong to the log from here on. */
  append(bytes: Buffer, header: BatchHeader, nowMs: number): AppendResult {
    if (header.producerId >= 0) {
      const check = this.producers.check(header);
      if (check.outcome === 'duplicate') return { error: E.NONE, baseOffset: check.baseOffset };
      if (check.outcome === 'refused') return { error: check.error, baseOffset: -1 };
    }
    const baseOffset = this.nextOffset;
    assignBaseOffset(bytes, 0, baseOffset);
    this.add(storedBatch(this.identity, bytes, nowMs), bytes);
    return { error: E.NONE, baseOffset };
  }

  /** Ends the transaction of a producer in this partition. */
  appendMarker(kind: 'abort' | 'commit', producerId: number, producerEpoch: number, nowMs: number): void {
    const bytes = encodeControlBatch(kind, producerId, producerEpoch, nowMs);
    assignBaseOffset(bytes, 0, this.nextOffset);
    this.add(storedBatch(this.identity, bytes, nowMs), bytes);
  }

  /** Takes over a batch that the storage kept from an earlier run, in the order of offsets. */
  restore(batch: StoredBatch, bytes: Buffer): void {
    this.index(batch, bytes);
  }

  /** The bounds that an earlier run left behind; called after its batches were restored. */
  restoreBounds(bounds: LogBounds): void {
    this.startOffset = bounds.start;
    this.nextOffset = Math.max(this.nextOffset, bounds.end);
  }

  /** The batches that hold `offset` and what follows: at least one if there is one, whatever its size. */
  plan(offset: number, { isCommittedOnly, maxBytes, before = Infinity }: ReadBounds): ReadPlan {
    const { lastStableOffset } = this;
    const limit = Math.min(before, isCommittedOnly ? lastStableOffset : this.nextOffset);
    const batches: StoredBatch[] = [];
    let byteLength = 0;
    for (let i = this.indexOf(offset); i < this.stored.length; i++) {
      const batch = this.stored[i]!;
      if (batch.baseOffset >= limit) break;
      if (batches.length > 0 && byteLength + batch.byteLength > maxBytes) break;
      batches.push(batch);
      byteLength += batch.byteLength;
    }
    const to = batches.length === 0 ? offset : batches.at(-1)!.lastOffset + 1;
    return {
      log: this,
      version: this.cleanings,
      batches,
      byteLength,
      aborted: isCommittedOnly ? this.transactions.abortedBetween(offset, to) : [],
      highWatermark: this.nextOffset,
      lastStableOffset,
      logStartOffset: this.startOffset,
    };
  }

  /** The bytes of a plan, or undefined if the log was cleaned since it was made. */
  read(plan: ReadPlan): Buffer | Promise<Buffer | undefined> {
    const parts = plan.batches.map(({ bytes }) => bytes);
    const missing = plan.batches.filter(({ bytes }) => bytes === undefined);
    if (missing.length === 0) return joined(parts as Buffer[]);
    return this.journal.readBatches(missing).then((found) => {
      if (this.cleanings !== plan.version) return undefined;
      let next = 0;
      const whole = parts.map((bytes) => bytes ?? found[next++]);
      return whole.includes(undefined) ? undefined : joined(whole as Buffer[]);
    });
  }

  /** Whether `offset` may be read from. */
  contains(offset: number): boolean {
    return offset >= this.startOffset && offset <= this.nextOffset;
  }

  /** Removes whole batches below `offset`, and hides records below it in the batch that stays. */
  removeBelow(offset: number): void {
    const start = Math.min(offset, this.nextOffset);
    if (start <= this.startOffset) return;
    const count = this.indexOf(start);
    this.startOffset = start;
    this.replace(0, count, []);
    this.transactions.forgetBelow(start);
    this.saveBounds();
  }

  /** Puts `batches` in the place of `count` others from `index` on. Their offsets lie within those they replace. */
  replace(index: number, count: number, batches: readonly StoredBatch[]): void {
    const removed = this.stored.splice(index, count, ...batches);
    this.cleanings++;
    for (const { baseOffset, byteLength } of removed) {
      this.bytes -= byteLength;
      this.journal.deleteBatch(this.identity, baseOffset);
    }
    for (const batch of batches) {
      this.bytes += batch.byteLength;
      this.journal.putBatch(batch);
    }
  }

  /** The markers below `offset` were dropped with all they aborted. */
  forgetTransactionsBelow(offset: number): void {
    this.transactions.forgetBelow(offset);
    this.saveBounds();
  }

  /** Removes all traces from the storage; the log is not used afterwards. */
  destroy(): void {
    this.replace(0, this.stored.length, []);
    this.journal.delete('bounds', this.boundsName);
    this.notify();
  }

  /** Calls `listener` after every append, until the answer is called. */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Index of the first batch that ends at or after `offset`. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.stored.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.stored[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private add(batch: StoredBatch, bytes: Buffer): void {
    this.index(batch, bytes);
    this.journal.putBatch(batch);
    this.notify();
  }

  private index(batch: StoredBatch, bytes: Buffer): void {
    const header = readBatchHeader(bytes, 0)!;
    this.stored.push(batch);
    this.bytes += batch.byteLength;
    this.nextOffset = batch.lastOffset + 1;
    if (batch.isControl) {
      this.producers.markerWritten(header.producerId, header.producerEpoch);
      this.transactions.ended(header.producerId, isAbortMarker(bytes, header), batch.baseOffset);
    } else if (header.producerId >= 0) {
      this.producers.appended(header, batch.baseOffset);
      const isTransactional = (header.attributes & BatchAttribute.transactional) !== 0;
      if (isTransactional) this.transactions.began(header.producerId, batch.baseOffset);
    }
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }

  private saveBounds(): void {
    const bounds: LogBounds = { start: this.startOffset, end: this.nextOffset };
    this.journal.put('bounds', this.boundsName, bounds);
  }

  private get boundsName(): string {
    return `${this.identity.topicId}-${this.identity.partition}`;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
