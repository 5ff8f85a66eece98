import { ProductionError } from '../../errors/production-error.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { LogProducer } from '../../log/log-producer.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { SinkNode } from '../../topology/topology.js';
import type { OutputTopic } from './output-topic.js';
import type { TaskOutput } from './task-output.js';

/** Where tasks append; the instance changes the producer when the old one has failed. */
export interface OutputPort {
  readonly producer: LogProducer;
  /** Set by whoever appends; the task waits for `drain()` at the end of the record. */
  isFull: boolean;
}

/** Writes what is forwarded to one sink. */
export class SinkWriter {
  private next = 0;

  constructor(
    readonly node: SinkNode,
    private readonly partitions: number,
    private readonly output: TaskOutput,
    private readonly topic: OutputTopic,
  ) {}

  /** @throws ProductionError if the record can never be written; LogError if the producer has failed. */
  write(key: unknown, value: unknown, timestamp: number, headers: readonly RecordHeader[] | undefined): void {
    const { node, output } = this;
    let keyBytes: Uint8Array | null;
    let valueBytes: Uint8Array | null;
    try {
      keyBytes = key === null || key === undefined ? null : node.key.serialize(key);
      valueBytes = value === null || value === undefined ? null : node.value.serialize(value);
    } catch (error) {
      throw this.refused(error instanceof Error ? error.message : String(error), error);
    }
    const objection = this.topic.objection(keyBytes, valueBytes, timestamp, headers);
    if (objection !== undefined) throw this.refused(objection);
    output.append(node.topic, this.partitionOf(keyBytes), keyBytes, valueBytes, timestamp, headers);
  }

  private refused(reason: string, cause?: unknown): ProductionError {
    return new ProductionError(this.node.name, this.node.topic, reason, cause);
  }

  private partitionOf(key: Uint8Array | null): number {
    const { partitioner } = this.node;
    if (partitioner !== undefined) return partitioner(key, this.partitions);
    if (key !== null) return partitionForKey(key, this.partitions);
    this.next = (this.next + 1) % this.partitions;
    return this.next;
  }
}
