import type { CompressionCodec } from '../../log/log-producer.js';
import { BatchBuilder } from '../../log/records/batch-builder.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { Clock } from '../../time/clock.js';
import type { TopicLimits } from './topic-limits.js';

const FIRST_HOLD_MS = 1000;
const LONGEST_HOLD_MS = 60_000;
/** A refused timestamp that is newer is taken for one that is too far ahead. */
const RECENT_MS = 60_000;
/** In a row. */
const MAX_TIME_REFUSALS = 100;

const BATCH_HEADER_BYTES = 61;
/** Length, attributes, two deltas, and the lengths of key, value and headers at their longest. */
const RECORD_OVERHEAD_BYTES = 5 + 1 + 10 + 5 + 5 + 5 + 5;
const HEADER_OVERHEAD_BYTES = 10;

/** A topic that tasks write to, and what is known against records before they are sent: what only the broker refuses would cost a whole commit. */
export class OutputTopic {
  /** May grow at any time. */
  partitions = 1;
  /** Why the log takes nothing of anybody; undefined while it does. */
  private refusal: string | undefined;
  private refusedUntil = 0;
  private holdMs = 0;
  /** Timestamps that the broker refused, until it is asked again. The clock of this machine decides nothing: it may be wrong. */
  private readonly refusedTimes = new Set<number>();
  /** Later timestamps are further ahead of the broker than one it refused. */
  private refusedFrom = Infinity;
  private timeRefusals = 0;
  private timeReason = '';

  constructor(
    readonly name: string,
    private limits: TopicLimits,
    private readonly compression: CompressionCodec,
    private readonly clock: Clock,
  ) {}

  get maxBytes(): number {
    return this.limits.maxBytes;
  }

  /** Hot path (bench `process`). @returns why the log will refuse the record; undefined if nothing is known against it. */
  objection(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers: readonly RecordHeader[] | undefined,
  ): string | undefined {
    if (this.refusal !== undefined) return this.refusal;
    const { maxBytes, needsKeys } = this.limits;
    if (key === null && needsKeys) return 'the topic is compacted, and the record has no key.';
    if (sizeAlone(key, value, headers) > maxBytes) {
      const bytes = this.batchBytes(key, value, timestampMs, headers);
      if (bytes > maxBytes) return `it takes ${bytes} bytes, and max.message.bytes of the topic is ${maxBytes}.`;
    }
    const isRefused =
      timestampMs >= this.refusedFrom || (this.refusedTimes.size > 0 && this.refusedTimes.has(timestampMs));
    return isRefused ? this.timeReason : undefined;
  }

  /** The configuration was read again. @returns whether it asks for something else than before. */
  limit(limits: TopicLimits): boolean {
    const before = this.limits;
    this.limits = limits;
    return (Object.keys(limits) as (keyof TopicLimits)[]).some((name) => limits[name] !== before[name]);
  }

  /** A batch of one record was too large. */
  lower(batchBytes: number): void {
    if (batchBytes <= this.limits.maxBytes) this.limit({ ...this.limits, maxBytes: batchBytes - 1 });
  }

  /** The log takes nothing for a reason that may pass: it is asked again after a while that doubles. */
  refuse(reason: string): void {
    this.hold();
    this.refusal = reason;
  }

  /**
   * The broker refused records with these timestamps.
   * @returns false if their work need not be done again: none is named, or handlers make new timestamps each time.
   */
  refuseTimes(timestamps: readonly number[], reason: string): boolean {
    if (timestamps.length === 0 || ++this.timeRefusals > MAX_TIME_REFUSALS) return false;
    this.hold();
    const aheadFrom = this.clock.now() - RECENT_MS;
    for (const timestamp of timestamps) {
      this.refusedTimes.add(timestamp);
      // Handlers may take the time of now, which is another one when the work is done again.
      if (timestamp >= aheadFrom) this.refusedFrom = Math.min(this.refusedFrom, timestamp);
    }
    this.timeReason = reason;
    return true;
  }

  /** Called when little work would be lost by asking the log again. */
  reconsider(): void {
    if (this.holdMs === 0) return;
    const now = this.clock.monotonic();
    if (now >= this.refusedUntil) {
      this.refusal = undefined;
      this.refusedTimes.clear();
      this.refusedFrom = Infinity;
    }
    if (now >= this.refusedUntil + LONGEST_HOLD_MS) {
      this.holdMs = 0;
      this.timeRefusals = 0;
    }
  }

  private hold(): void {
    this.holdMs = Math.min(LONGEST_HOLD_MS, Math.max(FIRST_HOLD_MS, 2 * this.holdMs));
    this.refusedUntil = this.clock.monotonic() + this.holdMs;
  }

  private batchBytes(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers: readonly RecordHeader[] | undefined,
  ): number {
    const batch = new BatchBuilder(Infinity);
    batch.append(key, value, timestampMs, headers);
    return batch.finish({ compression: this.compression }).length;
  }
}

/** An upper bound of a batch with this record alone. */
function sizeAlone(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly RecordHeader[] | undefined,
): number {
  let bytes = BATCH_HEADER_BYTES + RECORD_OVERHEAD_BYTES;
  if (key !== null) bytes += key.byteLength;
  if (value !== null) bytes += value.byteLength;
  if (headers !== undefined)
    for (const header of headers)
      bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(header.name) + (header.value?.byteLength ?? 0);
  return bytes;
}
