import type { StoredBatch } from './stored-batch.js';

/** Keeps the bytes of the batches written last in memory, over all partitions, up to a number of bytes. */
export class BatchCache {
  private queue: StoredBatch[] = [];
  private head = 0;
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  /** Called when the storage has the batch: only from then on may its bytes be let go. */
  admit(batch: StoredBatch): void {
    if (batch.bytes === undefined) return;
    this.queue.push(batch);
    this.held += batch.byteLength;
    while (this.held > this.maxBytes) this.evict(this.queue[this.head++]!);
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  private evict(batch: StoredBatch): void {
    this.held -= batch.byteLength;
    batch.bytes = undefined;
  }
}
