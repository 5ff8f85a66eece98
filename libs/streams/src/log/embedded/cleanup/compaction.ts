import { BatchBuilder } from '../../records/batch-builder.js';
import { decodeRecords } from '../../records/record-decoder.js';
import type { RecordChunk } from '../../records/record-chunk.js';
import type { PartitionLog, ReadPlan } from '../partition/partition-log.js';
import { storedBatch, type StoredBatch } from '../partition/stored-batch.js';
import { assignBaseOffset } from '../../records/batch-header.js';
import type { TopicConfig } from '../topics/topic-config.js';

/** Bytes decoded between two turns of the event loop. */
const SLICE_BYTES = 1024 * 1024;

interface Slice {
  readonly plan: ReadPlan;
  readonly chunk: RecordChunk;
}

/**
 * Keeps the last value of every key in the decided part of one partition, and moves what stays together into larger batches.
 *
 * Offsets never change; what is dropped leaves holes. The last decided batch stays whole, so that a reader passes every hole below it. Markers go together
 * with what they aborted.
 */
export class PartitionCompaction {
  /** When each surviving tombstone was first met; a reader under way has `delete.retention.ms` from then on to see it. */
  private tombstones: ReadonlyMap<number, number> = new Map();
  private cleanedTo = 0;

  constructor(
    private readonly log: PartitionLog,
    private readonly config: TopicConfig,
  ) {}

  /** Whether enough was appended since the last run (`min.cleanable.dirty.ratio`). */
  isDue(): boolean {
    const { batches, byteLength } = this.log;
    let dirtyBytes = 0;
    for (let i = this.log.indexOf(this.cleanedTo); i < batches.length; i++) dirtyBytes += batches[i]!.byteLength;
    return dirtyBytes > 0 && dirtyBytes >= byteLength * this.config.number('min.cleanable.dirty.ratio');
  }

  /** Ends early when the log is cut meanwhile; the next run goes on. */
  async run(nowMs: number): Promise<void> {
    const limit = this.limit(nowMs);
    const latest = new Map<string, number>();
    const isRead = await this.eachSlice(limit, ({ chunk }) => {
      for (let i = 0; i < chunk.count; i++) latest.set(keyOf(chunk, i), chunk.offsets[i]!);
    });
    if (!isRead) return;
    const tombstones = new Map<number, number>();
    const isKept = (chunk: RecordChunk, i: number): boolean =>
      latest.get(keyOf(chunk, i)) === chunk.offsets[i] && !this.isExpired(chunk, i, nowMs, tombstones);
    const isRewritten = await this.eachSlice(limit, (slice) => this.rewrite(slice, isKept));
    if (!isRewritten) return;
    this.tombstones = tombstones;
    this.cleanedTo = limit;
  }

  /** Where the last batch begins that is decided, and old enough for `min.compaction.lag.ms`. */
  private limit(nowMs: number): number {
    const { log } = this;
    const youngestMs = nowMs - this.config.number('min.compaction.lag.ms');
    let last = log.indexOf(log.lastStableOffset) - 1;
    while (last >= 0 && log.batches[last]!.appendedAtMs > youngestMs) last--;
    return log.batches[last]?.baseOffset ?? 0;
  }

  /** @returns false if the log was cut meanwhile. */
  private async eachSlice(limit: number, onSlice: (slice: Slice) => void): Promise<boolean> {
    const { log } = this;
    const { topic, partition } = log.identity;
    for (let position = log.logStartOffset; position < limit;) {
      const plan = log.plan(position, { isCommittedOnly: true, maxBytes: SLICE_BYTES, before: limit });
      const last = plan.batches.at(-1);
      if (last === undefined) break;
      const records = await log.read(plan);
      if (records === undefined || log.version !== plan.version) return false;
      onSlice({
        plan,
        chunk: decodeRecords({ ...plan, topic, partition, position, isolation: 'read_committed', records }),
      });
      position = last.lastOffset + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  private rewrite({ plan, chunk }: Slice, isKept: (chunk: RecordChunk, index: number) => boolean): void {
    const kept: number[] = [];
    for (let i = 0; i < chunk.count; i++) if (isKept(chunk, i)) kept.push(i);
    const appendedAtMs = plan.batches.reduce((youngest, batch) => Math.max(youngest, batch.appendedAtMs), 0);
    const batches = this.build(chunk, kept, appendedAtMs);
    const hasDecisions = plan.aborted.length > 0 || plan.batches.some(({ isControl }) => isControl);
    if (kept.length === chunk.count && batches.length >= plan.batches.length && !hasDecisions) return;
    this.log.replace(this.log.indexOf(plan.batches[0]!.lastOffset), plan.batches.length, batches);
    this.log.forgetTransactionsBelow(plan.batches.at(-1)!.lastOffset + 1);
  }

  /** @param surviving takes the time at which a tombstone that stays was first met. */
  private isExpired(chunk: RecordChunk, index: number, nowMs: number, surviving: Map<number, number>): boolean {
    if (chunk.valueStarts[index]! >= 0) return false;
    const offset = chunk.offsets[index]!;
    const since = this.tombstones.get(offset);
    if (since !== undefined && nowMs - since >= this.config.number('delete.retention.ms')) return true;
    surviving.set(offset, since ?? nowMs);
    return false;
  }

  private build(chunk: RecordChunk, kept: readonly number[], appendedAtMs: number): StoredBatch[] {
    const maxBytes = this.config.number('max.message.bytes');
    const batches: StoredBatch[] = [];
    let builder = new BatchBuilder(maxBytes);
    let baseOffset = 0;
    const finish = (): void => {
      const bytes = builder.finish();
      assignBaseOffset(bytes, 0, baseOffset);
      batches.push(storedBatch(this.log.identity, bytes, appendedAtMs));
      builder = new BatchBuilder(maxBytes);
    };
    for (const i of kept) {
      const offset = chunk.offsets[i]!;
      const append = (): boolean => {
        if (builder.count === 0) baseOffset = offset;
        const [key, value, headers] = [chunk.key(i), chunk.value(i), chunk.headers(i)];
        return builder.append(key, value, chunk.timestamps[i]!, headers, offset - baseOffset);
      };
      if (append()) continue;
      finish();
      append();
    }
    if (builder.count > 0) finish();
    return batches;
  }
}

function keyOf(chunk: RecordChunk, index: number): string {
  return chunk.buffer.toString('latin1', chunk.keyStarts[index], chunk.keyEnds[index]);
}
