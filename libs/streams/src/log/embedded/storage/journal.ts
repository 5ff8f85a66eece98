import { readInt64, writeInt64 } from '../../../bytes/int64.js';
import { bufferOf } from '../../../bytes/buffer-of.js';
import { LogError } from '../../../errors/log-error.js';
import type { BatchCache } from '../partition/batch-cache.js';
import type { BatchPlace, StoredBatch } from '../partition/stored-batch.js';
import type { LogStorage } from './log-storage.js';
import { batchKey, recordKey, type RecordKind } from './storage-keys.js';

const APPEND_TIME_BYTES = 8;

/**
 * Carries the broker's changes to its storage. What is put in one synchronous stretch is written as one atomic batch, and `settled` tells when it
 * is: no answer leaves the broker before. Without a storage all of it does nothing.
 */
export class Journal {
  private keys: Uint8Array[] = [];
  private values: (Uint8Array | null)[] = [];
  private batches: StoredBatch[] = [];
  private tail: Promise<void> | undefined;
  private failure: LogError | undefined;

  constructor(
    private readonly storage: LogStorage | undefined,
    private readonly cache: BatchCache,
  ) {}

  put(kind: RecordKind, name: string, value: unknown): void {
    if (this.storage) this.add(recordKey(kind, name), Buffer.from(JSON.stringify(value)));
  }

  delete(kind: RecordKind, name: string): void {
    if (this.storage) this.add(recordKey(kind, name), null);
  }

  putBatch(batch: StoredBatch): void {
    if (!this.storage) return;
    const value = Buffer.allocUnsafe(APPEND_TIME_BYTES + batch.byteLength);
    writeInt64(value, batch.appendedAtMs, 0);
    value.set(batch.bytes!, APPEND_TIME_BYTES);
    this.batches.push(batch);
    this.add(batchKey(batch.topicId, batch.partition, batch.baseOffset), value);
  }

  deleteBatch({ topicId, partition }: BatchPlace, baseOffset: number): void {
    if (this.storage) this.add(batchKey(topicId, partition, baseOffset), null);
  }

  /** Undefined if nothing is being written. @throws LogError `fatal` once a write has failed. */
  settled(): Promise<void> | undefined {
    this.flush();
    return this.failure ? Promise.reject(this.failure) : this.tail;
  }

  /** The bytes of batches that are not in memory; undefined for one that was removed meanwhile. */
  async readBatches(batches: readonly StoredBatch[]): Promise<(Buffer | undefined)[]> {
    const keys = batches.map(({ topicId, partition, baseOffset }) => batchKey(topicId, partition, baseOffset));
    const values = await this.storage!.getMany(keys).catch((cause: unknown) => {
      throw storageError('read', cause);
    });
    return batches.map((_, i) => (values[i] === undefined ? undefined : decodeBatchValue(values[i]).bytes));
  }

  private add(key: Uint8Array, value: Uint8Array | null): void {
    if (this.keys.length === 0) queueMicrotask(() => this.flush());
    this.keys.push(key);
    this.values.push(value);
  }

  private flush(): void {
    if (this.keys.length === 0 || !this.storage) return;
    const { keys, values, batches } = this;
    this.keys = [];
    this.values = [];
    this.batches = [];
    const writing: Promise<void> = this.storage.write(keys, values).then(
      () => {
        for (const batch of batches) this.cache.admit(batch);
        if (this.tail === writing) this.tail = undefined;
      },
      (cause: unknown) => {
        this.failure ??= storageError('write', cause);
        throw this.failure;
      },
    );
    // Whoever waits for an answer meets the failure; a change made by a timer has nobody waiting.
    writing.catch(() => undefined);
    this.tail = writing;
  }
}

export function decodeBatchValue(value: Uint8Array): { readonly appendedAtMs: number; readonly bytes: Buffer } {
  const buffer = bufferOf(value);
  return { appendedAtMs: readInt64(buffer, 0), bytes: buffer.subarray(APPEND_TIME_BYTES) };
}

export function storageError(attempt: 'open' | 'read' | 'write', cause: unknown): LogError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const advice = 'Free space or repair the disk; if its files are damaged, delete the folder.';
  return new LogError('fatal', 'LOG_STORAGE', `The embedded log cannot ${attempt} its folder: ${reason}. ${advice}`, {
    cause,
  });
}
