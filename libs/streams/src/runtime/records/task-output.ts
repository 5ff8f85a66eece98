import type { RecordHeader } from '../../log/records/record-header.js';
import type { OutputPort } from './output.js';

/** Of a record without key, value and headers, about. */
const RECORD_BYTES = 16;

/** What one task sends. All tasks share the producer; what is counted and what failed is the task's own. */
export class TaskOutput {
  /** Records appended so far; only differences mean something. */
  appended = 0;
  /** What the producer threw since `begin`, even if user code swallowed or replaced it. */
  failure: unknown;

  constructor(readonly port: OutputPort) {}

  /** Called before a record or a hook. */
  begin(): void {
    this.failure = undefined;
  }

  /** Hot path (bench `process`). @throws LogError if the producer has failed. */
  append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: readonly RecordHeader[] | undefined,
  ): void {
    const { port } = this;
    try {
      if (!port.producer.append(topic, partition, key, value, timestamp, headers)) port.isFull = true;
    } catch (error) {
      this.failure = error;
      throw error;
    }
    port.bytes += recordBytes(key, value);
    this.appended++;
  }

  /** Waits until the producer has room. @throws LogError if it has failed. */
  async drain(): Promise<void> {
    await this.port.producer.drain();
    this.port.isFull = false;
  }
}

/** About as many bytes as the record takes in a batch. */
export function recordBytes(key: Uint8Array | null, value: Uint8Array | null): number {
  return RECORD_BYTES + (key === null ? 0 : key.byteLength) + (value === null ? 0 : value.byteLength);
}
