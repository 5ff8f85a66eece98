import type { RecordChunk } from '../../log/records/record-chunk.js';
import type { StoreWrites } from '../../stores/store-engine.js';
import type { Clock } from '../../time/clock.js';
import type { RestoreProgress } from '../../topology/processor.js';
import type { Task } from '../task/task.js';
import type { TaskStore } from '../task/task-stores.js';
import { yieldToEventLoop } from './yield-to-event-loop.js';

/** Records of one engine write; also what is done between two turns of the event loop. */
const WRITE_RECORDS = 2000;
/** Writes of one store under way at a time (hot-path.md 4.10). */
const WRITES_IN_FLIGHT = 4;

/** Brings one store from a position to the end that its changelog had when the restore began. */
export class StoreRestore {
  /** Everything before it was handed to the engine. */
  position: number;
  /** Everything before it can be read; behind `position` while writes are under way, and for good once one has failed. */
  applied: number;
  /** Called when the store shows further records. */
  onApplied: (() => void) | undefined;
  restoredRecords = 0;
  restoredBytes = 0;
  private readonly startedAt: number;
  private advancedAt: number;
  private readonly writes: Promise<void>[] = [];
  /** Writes that have not ended well. */
  private unended = 0;
  private isBufferEmpty = false;

  constructor(
    readonly task: Task,
    readonly of: TaskStore & { readonly changelog: string },
    readonly startOffset: number,
    readonly endOffset: number,
    private readonly clock: Clock,
  ) {
    this.position = startOffset;
    this.applied = startOffset;
    this.startedAt = clock.monotonic();
    this.advancedAt = this.startedAt;
  }

  get isComplete(): boolean {
    return this.position >= this.endOffset;
  }

  get remaining(): number {
    return Math.max(0, this.endOffset - this.position);
  }

  /** Writes the records of a chunk; settles when the next one may follow. @throws StoreCorruptedError */
  async apply(chunk: RecordChunk): Promise<void> {
    const { store } = this.of;
    if (chunk.bounds.nextOffset <= this.position) return;
    // What the buffer holds is older than what comes now.
    if (chunk.count > 0 && !this.isBufferEmpty) {
      store.discard();
      this.isBufferEmpty = true;
    }
    for (let from = this.firstNew(chunk); from < chunk.count; from += WRITE_RECORDS) {
      const to = Math.min(chunk.count, from + WRITE_RECORDS);
      const keys = new Array<Uint8Array>(to - from);
      const values = new Array<Uint8Array | null>(to - from);
      let count = 0;
      for (let i = from; i < to; i++) {
        const key = chunk.key(i);
        // A changelog record without a key is nobody's entry; compaction would refuse it.
        if (key === null) continue;
        keys[count] = key;
        values[count++] = chunk.value(i);
      }
      keys.length = count;
      values.length = count;
      this.position = to === chunk.count ? chunk.bounds.nextOffset : chunk.offsets[to - 1]! + 1;
      await this.write({ keys, values }, this.position);
      this.restoredRecords += count;
      await yieldToEventLoop();
    }
    this.restoredBytes += chunk.byteLength;
    this.position = chunk.bounds.nextOffset;
    // Markers are not written: they count once nothing before them is on its way.
    if (this.unended === 0) this.applied = this.position;
    this.advancedAt = this.clock.monotonic();
  }

  /** Reading begins. */
  begin(): void {
    this.advancedAt = this.clock.monotonic();
  }

  /** So much of the time without progress does not count. */
  excuse(ms: number): void {
    this.advancedAt = Math.min(this.clock.monotonic(), this.advancedAt + ms);
  }

  /** No progress for that long. */
  isStalled(afterMs: number): boolean {
    return !this.isComplete && this.clock.monotonic() - this.advancedAt >= afterMs;
  }

  /** Waits for the writes under way. @throws StoreCorruptedError */
  async settle(): Promise<void> {
    await Promise.all(this.writes.splice(0));
  }

  /** Keeps the position also where markers or aborted records came last, so that the next start does not read them again. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.isBufferEmpty) this.of.store.discard(); // A hook may have read what was replaced since.
    if (this.of.store.position !== this.position) await this.of.store.restore({ keys: [], values: [] }, this.position);
  }

  progress(): RestoreProgress {
    const seconds = (this.clock.monotonic() - this.startedAt) / 1000;
    const covered = this.position - this.startOffset;
    const offsetsPerSecond = seconds > 0 ? covered / seconds : 0;
    return {
      store: this.of.definition.name,
      taskId: this.task.id,
      startOffset: this.startOffset,
      position: this.position,
      endOffset: this.endOffset,
      restoredRecords: this.restoredRecords,
      restoredBytes: this.restoredBytes,
      remainingRecords: this.remaining,
      recordsPerSecond: seconds > 0 ? this.restoredRecords / seconds : 0,
      etaMs: offsetsPerSecond > 0 ? Math.ceil((this.remaining / offsetsPerSecond) * 1000) : undefined,
    };
  }

  /** A reader may still answer for a place where it was before; what it read there must not replace what came after. */
  private firstNew({ count, offsets }: RecordChunk): number {
    let first = 0;
    while (first < count && offsets[first]! < this.position) first++;
    return first;
  }

  private async write(writes: StoreWrites, position: number): Promise<void> {
    this.unended++;
    const write = this.of.store.restore(writes, position).then(() => {
      this.unended--;
      // The engine applies writes in the order of the calls.
      this.applied = this.unended === 0 ? this.position : position;
      this.onApplied?.();
    });
    // Met by `settle` or by the await below; until then nobody waits for it.
    write.catch(() => undefined);
    this.writes.push(write);
    if (this.writes.length >= WRITES_IN_FLIGHT) await this.writes.shift();
  }
}
