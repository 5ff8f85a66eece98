import { ProductionError } from '../../errors/production-error.js';
import { reasonOf } from '../../errors/reason-of.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { LogProducer } from '../../log/log-producer.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { SinkNode } from '../../topology/topology.js';
import type { OutputTopic } from './output-topic.js';
import type { TaskOutput } from './task-output.js';

/** Of records written without one. */
const NO_TIMESTAMP = -1;

/** Where tasks append; the instance changes the producer when the old one has failed. */
export interface OutputPort {
  readonly producer: LogProducer;
  /** Set by whoever appends; the task waits for `drain()` at the end of the record. */
  isFull: boolean;
  /** Appended so far. */
  bytes: number;
  /** Of `bytes`: tasks end their slices there. */
  maxBytes: number;
  /** Of the changes of one task, which ends its slice there too. */
  maxDirtyBytes: number;
}

/** Writes what is forwarded to one sink. */
export class SinkWriter {
  private next = 0;

  constructor(
    readonly node: SinkNode,
    private readonly output: TaskOutput,
    private readonly topic: OutputTopic,
  ) {}

  /** @throws ProductionError if the record can never be written; LogError if the producer has failed. */
  write(key: unknown, value: unknown, timestamp: number, headers: readonly RecordHeader[] | undefined): void {
    const { node, output } = this;
    if (value === undefined) throw this.refused('its value is undefined. Forward null to write a tombstone.');
    let keyBytes: Uint8Array | null;
    let valueBytes: Uint8Array | null;
    try {
      keyBytes = key === null || key === undefined ? null : node.key.serialize(key);
      valueBytes = value === null ? null : node.value.serialize(value);
    } catch (error) {
      throw this.refused(reasonOf(error), error);
    }
    if (keyBytes !== null && !(keyBytes instanceof Uint8Array)) throw this.notBytes('key', keyBytes);
    if (valueBytes !== null && !(valueBytes instanceof Uint8Array)) throw this.notBytes('value', valueBytes);
    if (!Number.isSafeInteger(timestamp) || timestamp < NO_TIMESTAMP)
      throw this.refused(`its timestamp ${String(timestamp)} is no whole number of milliseconds since 1970.`);
    const objection = this.topic.objection(keyBytes, valueBytes, timestamp, headers);
    if (objection !== undefined) throw this.refused(objection);
    output.append(node.topic, this.partitionOf(keyBytes), keyBytes, valueBytes, timestamp, headers);
  }

  private refused(reason: string, cause?: unknown): ProductionError {
    return new ProductionError(this.node.name, this.node.topic, reason, cause);
  }

  private notBytes(part: 'key' | 'value', given: unknown): ProductionError {
    return this.refused(`the serde "${this.node[part].name}" of its ${part} answered ${describe(given)}, not bytes.`);
  }

  private partitionOf(key: Uint8Array | null): number {
    const { partitioner, keyPartitioner = partitionForKey } = this.node;
    if (partitioner !== undefined) return this.chosenBy(partitioner, key);
    if (key !== null) return keyPartitioner(key, this.topic.partitions);
    this.next = (this.next + 1) % this.topic.partitions;
    return this.next;
  }

  private chosenBy(partitioner: NonNullable<SinkNode['partitioner']>, key: Uint8Array | null): number {
    let partition: unknown;
    try {
      partition = partitioner(key, this.topic.partitions);
    } catch (error) {
      throw this.refused(`its partitioner threw: ${reasonOf(error)}`, error);
    }
    if (isPartition(partition, this.topic.partitions)) return partition;
    const given = typeof partition === 'number' ? String(partition) : describe(partition);
    throw this.refused(
      `its partitioner answered ${given}; it must answer a whole number from 0 to ${this.topic.partitions - 1}.`,
    );
  }
}

function isPartition(value: unknown, count: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;
}

/** Names the kind of a value, never the value. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return value instanceof Promise ? 'a promise' : `a value of type ${typeof value}`;
}
