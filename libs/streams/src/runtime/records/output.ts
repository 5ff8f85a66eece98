import { partitionForKey } from '../../log/partitioner.js';
import type { LogProducer } from '../../log/log-producer.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { SinkNode } from '../../topology/topology.js';

/** Where tasks append; the instance changes the producer when the old one has failed. */
export interface OutputPort {
  readonly producer: LogProducer;
  /** Set by whoever appends; the task waits for `drain()` at the end of the record. */
  isFull: boolean;
  /** Records appended so far; only differences mean something. */
  appended: number;
}

/** Writes what is forwarded to one sink. */
export class SinkWriter {
  private next = 0;

  constructor(
    readonly node: SinkNode,
    private readonly partitions: number,
    private readonly output: OutputPort,
  ) {}

  /** @throws SerdeError; LogError if the producer has failed. */
  write(key: unknown, value: unknown, timestamp: number, headers: readonly RecordHeader[] | undefined): void {
    const { node, output } = this;
    const keyBytes = key === null || key === undefined ? null : node.key.serialize(key);
    const valueBytes = value === null || value === undefined ? null : node.value.serialize(value);
    const hasRoom = output.producer.append(
      node.topic,
      this.partitionOf(keyBytes),
      keyBytes,
      valueBytes,
      timestamp,
      headers,
    );
    output.appended++;
    if (!hasRoom) output.isFull = true;
  }

  private partitionOf(key: Uint8Array | null): number {
    const { partitioner } = this.node;
    if (partitioner !== undefined) return partitioner(key, this.partitions);
    if (key !== null) return partitionForKey(key, this.partitions);
    this.next = (this.next + 1) % this.partitions;
    return this.next;
  }
}
