import { partitionForKey } from '../log/partitioner.js';
import type { Log } from '../log/log.js';
import type { LogProducer } from '../log/log-producer.js';
import type { RecordHeader } from '../log/records/record-header.js';
import { LogError } from '../errors/log-error.js';
import { MissingTopicError } from '../errors/missing-topic-error.js';
import { reasonOf } from '../errors/reason-of.js';
import { SerdeError } from '../errors/serde-error.js';
import { PositionToken } from '../query/position/position-token.js';
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

  /**
   * Settles when all in-sync replicas have the record. @returns a position for queries: `Streams-Min-Position` with it makes an answer show the effects
   * of the record. @throws MissingTopicError, SerdeError, LogError
   */
  async send<K, V>(topic: string, record: OutgoingRecord<K, V>, options: SendOptions<K, V> = {}): Promise<string> {
    return this.sendAll(topic, [record], options);
  }

  /**
   * Settles when all in-sync replicas have all of them; nothing is sent if one of them cannot be serialised or names a partition that the topic
   * does not have.
   * @returns a position behind all of them, as `send` does; the empty text for no record.
   * @throws MissingTopicError, SerdeError, LogError
   */
  async sendAll<K, V>(
    topic: string,
    records: readonly OutgoingRecord<K, V>[],
    options: SendOptions<K, V> = {},
  ): Promise<string> {
    if (records.length === 0) return '';
    const log = await this.openLog();
    await log.connect();
    const key = resolveSerde<K>(options.key ?? 'string');
    const value = resolveSerde<V>(options.value ?? 'json');
    const partitions = await this.partitionsOf(log, topic, records);
    const prepared = records.map((record) => {
      const keyBytes = bytesOf(key, record.key, topic, 'key');
      const byKey = (): number =>
        keyBytes === null ? this.next++ % partitions : partitionForKey(keyBytes, partitions);
      return {
        partition: record.partition ?? byKey(),
        keyBytes,
        valueBytes: bytesOf(value, record.value, topic, 'value'),
        timestamp: record.timestamp ?? Date.now(),
        headers: record.headers,
      };
    });
    const producer = (this.producer ??= log.openProducer({ role: 'app' }));
    try {
      for (const { partition, keyBytes, valueBytes, timestamp, headers } of prepared)
        if (!producer.append(topic, partition, keyBytes, valueBytes, timestamp, headers)) await producer.drain();
      await producer.flush();
      return positionBehind(producer, topic, new Set(prepared.map(({ partition }) => partition)));
    } catch (error) {
      // A producer that has failed stays failed; the next record gets another one.
      if (this.producer === producer) this.producer = undefined;
      await producer.close();
      throw error;
    }
  }

  /** Asks again before it refuses a partition: the topic may have grown. */
  private async partitionsOf(log: Log, topic: string, records: readonly OutgoingRecord[]): Promise<number> {
    const known = this.partitionCounts.get(topic);
    if (known !== undefined && records.every(({ partition }) => isPartition(partition, known))) return known;
    const description = (await log.admin.describeTopics([topic])).get(topic);
    if (description === undefined) throw new MissingTopicError([topic]);
    const { partitions } = description;
    this.partitionCounts.set(topic, partitions);
    const refused = records.find(({ partition }) => !isPartition(partition, partitions));
    if (refused !== undefined)
      throw new LogError(
        'fatal',
        'LOG_UNKNOWN_TOPIC_OR_PARTITION',
        `"${topic}" has the partitions 0 to ${partitions - 1}, and a record is meant for ${String(refused.partition)}. Leave "partition" out, or correct it.`,
      );
    return partitions;
  }
}

function positionBehind(producer: LogProducer, topic: string, partitions: ReadonlySet<number>): string {
  const tokens = Array.from(partitions, (partition) =>
    PositionToken.ofTopic(topic, partition, producer.acknowledgedEnd(topic, partition) ?? 0),
  );
  return PositionToken.merge(tokens).toString();
}

function isPartition(partition: number | undefined, count: number): boolean {
  return partition === undefined || (Number.isInteger(partition) && partition >= 0 && partition < count);
}

function bytesOf<T>(serde: Serde<T>, value: T | null | undefined, topic: string, part: string): Uint8Array | null {
  // Only keys may be left out; a value of undefined has no bytes, and its serde says so.
  if (value === null || (value === undefined && part === 'key')) return null;
  try {
    return serde.serialize(value as T);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new SerdeError(serde.name, `The ${part} of a record for "${topic}" could not be serialised: ${reason}`, {
      cause,
    });
  }
}
