import { partitionForKey } from '../log/partitioner.js';
import type { Log } from '../log/log.js';
import type { LogProducer } from '../log/log-producer.js';
import type { RecordHeader } from '../log/records/record-header.js';
import { MissingTopicError } from '../errors/missing-topic-error.js';
import { resolveSerde, type SerdeName } from '../serdes/resolve-serde.js';
import type { Serde } from '../serdes/serde.js';

export interface OutgoingRecord<K = unknown, V = unknown> {
  /** Null or absent: any partition. */
  readonly key?: K | null;
  /** Null: a tombstone. */
  readonly value: V | null;
  /** Milliseconds since the epoch. Default: now. */
  readonly timestamp?: number;
  readonly headers?: readonly RecordHeader[];
  /** Default: by Kafka's murmur2 of the key. */
  readonly partition?: number;
}

export interface SendOptions<K = unknown, V = unknown> {
  /** Default `string`. */
  readonly key?: Serde<K> | SerdeName;
  /** Default `json`. */
  readonly value?: Serde<V> | SerdeName;
}

/**
 * Writes records to any topic of the log, idempotently; for code outside tasks, such as a controller that takes orders. Inside a task use
 * `@SendTo` or `StreamContext.forward`, which belong to the task's commit.
 */
export class RecordProducer {
  private producer: LogProducer | undefined;
  private readonly partitionCounts = new Map<string, number>();
  private next = 0;

  constructor(private readonly openLog: () => Promise<Log>) {}

  /** Settles when all in-sync replicas have the record. @throws MissingTopicError, SerdeError, LogError */
  async send<K, V>(topic: string, record: OutgoingRecord<K, V>, options: SendOptions<K, V> = {}): Promise<void> {
    await this.sendAll(topic, [record], options);
  }

  /** Settles when all in-sync replicas have all of them. @throws MissingTopicError, SerdeError, LogError */
  async sendAll<K, V>(
    topic: string,
    records: readonly OutgoingRecord<K, V>[],
    options: SendOptions<K, V> = {},
  ): Promise<void> {
    const log = await this.openLog();
    const key = resolveSerde<K>(options.key ?? 'string');
    const value = resolveSerde<V>(options.value ?? 'json');
    const partitions = await this.partitionsOf(log, topic);
    const producer = (this.producer ??= log.openProducer({ role: 'app' }));
    for (const record of records) {
      const keyBytes = record.key === undefined || record.key === null ? null : key.serialize(record.key);
      const valueBytes = record.value === null ? null : value.serialize(record.value);
      const partition =
        record.partition ?? (keyBytes === null ? this.next++ % partitions : partitionForKey(keyBytes, partitions));
      const { timestamp = Date.now(), headers } = record;
      if (!producer.append(topic, partition, keyBytes, valueBytes, timestamp, headers)) await producer.drain();
    }
    await producer.flush();
  }

  private async partitionsOf(log: Log, topic: string): Promise<number> {
    const known = this.partitionCounts.get(topic);
    if (known !== undefined) return known;
    const description = (await log.admin.describeTopics([topic])).get(topic);
    if (description === undefined) throw new MissingTopicError([topic]);
    this.partitionCounts.set(topic, description.partitions);
    return description.partitions;
  }
}
