import { optionProblems, OUTGOING_RECORD_FIELDS, SEND_OPTIONS } from '../config/decorator-option-tables.js';
import { resolvePartitioner, type KeyPartitioner, type PartitionerName } from '../log/named-partitioners.js';
import type { Log } from '../log/log.js';
import type { SentRecord } from '../log/record-sender.js';
import type { RecordHeader } from '../log/records/record-header.js';
import { ConfigurationError } from '../errors/configuration-error.js';
import { LogError } from '../errors/log-error.js';
import { reasonOf } from '../errors/reason-of.js';
import { SerdeError } from '../errors/serde-error.js';
import { PositionToken } from '../query/position/position-token.js';
import { resolveSerde, type SerdeName } from '../serdes/resolve-serde.js';
import type { Serde } from '../serdes/serde.js';
import type { Clock } from '../time/clock.js';
import { SystemClock } from '../time/system-clock.js';
import { PartitionCounts } from './partition-counts.js';
import { TopicSenders } from './topic-senders.js';

export interface OutgoingRecord<K = unknown, V = unknown> {
  /** Null or absent: any partition. */
  readonly key?: K | null;
  /** Null: a tombstone. */
  readonly value: V | null;
  /** Milliseconds since the epoch. Default: now. */
  readonly timestamp?: number;
  readonly headers?: readonly RecordHeader[];
  /** Default: by the key, as `partitioner` of the options says. */
  readonly partition?: number;
}

export interface SendOptions<K = unknown, V = unknown> {
  /** Default `string`. */
  readonly key?: Serde<K> | SerdeName;
  /** Default `json`. */
  readonly value?: Serde<V> | SerdeName;
  /**
   * The partition of a record with a key: a name as librdkafka has it, or a function that gives the partition, from 0, of the serialised key. Default
   * `murmur2`, as Java clients write. It has to be that of the topic's other producers.
   */
  readonly partitioner?: PartitionerName | KeyPartitioner;
}

/**
 * Writes records to any topic of the log, idempotently; for code outside tasks, such as a controller that takes orders. Inside a task use
 * `@SendTo` or `StreamContext.forward`, which belong to the task's commit.
 *
 * Calls do not affect each other: a topic or partition that takes nothing fails only the calls with records for it.
 */
export class RecordProducer {
  private readonly partitionCounts: PartitionCounts;
  private readonly senders: TopicSenders;
  private next = 0;

  constructor(
    private readonly openLog: () => Promise<Log>,
    clock: Clock = new SystemClock(),
  ) {
    this.partitionCounts = new PartitionCounts(clock);
    this.senders = new TopicSenders(clock);
  }

  /**
   * Settles when all in-sync replicas have the record. @returns a position for queries: `Streams-Min-Position` with it makes an answer show the effects
   * of the record. @throws ConfigurationError for unknown options or fields, or a wrong partitioner, MissingTopicError, SerdeError, LogError
   */
  async send<K, V>(topic: string, record: OutgoingRecord<K, V>, options: SendOptions<K, V> = {}): Promise<string> {
    return this.sendAll(topic, [record], options);
  }

  /**
   * Settles when all in-sync replicas have all of them; nothing is sent if one of them cannot be serialised or names a partition that the topic
   * does not have. After a `LogError` some of them may have been written.
   * @returns a position behind all of them, as `send` does; the empty text for no record.
   * @throws ConfigurationError for unknown options or fields, or a wrong partitioner, MissingTopicError, SerdeError, LogError
   */
  async sendAll<K, V>(
    topic: string,
    records: readonly OutgoingRecord<K, V>[],
    options: SendOptions<K, V> = {},
  ): Promise<string> {
    const problems = sendProblems(records, options);
    if (problems.length > 0) throw new ConfigurationError(problems);
    if (records.length === 0) return '';
    const log = await this.openLog();
    await log.connect();
    const key = resolveSerde<K>(options.key ?? 'string');
    const value = resolveSerde<V>(options.value ?? 'json');
    const partitionOf = resolvePartitioner(options.partitioner ?? 'murmur2');
    const partitions = await this.partitionsOf(log, topic, records);
    const prepared = records.map((record): SentRecord => {
      const keyBytes = bytesOf(key, record.key, topic, 'key');
      const byKey = (): number =>
        keyBytes === null ? this.next++ % partitions : chosenPartition(partitionOf, topic, keyBytes, partitions);
      return {
        partition: record.partition ?? byKey(),
        key: keyBytes,
        value: bytesOf(value, record.value, topic, 'value'),
        timestampMs: record.timestamp ?? Date.now(),
        headers: record.headers,
      };
    });
    try {
      return positionBehind(topic, await this.senders.use(log, topic, (sender) => sender.send(topic, prepared)));
    } catch (error) {
      // The topic may have been deleted, or created again.
      this.partitionCounts.forget(topic);
      throw error;
    }
  }

  /** Asks again before it refuses a partition: the topic may have grown. */
  private async partitionsOf(log: Log, topic: string, records: readonly OutgoingRecord[]): Promise<number> {
    const known = await this.partitionCounts.of(log, topic);
    if (records.every(({ partition }) => isPartition(partition, known))) return known;
    const partitions = await this.partitionCounts.read(log, topic);
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

function hasUnknownField(record: object): boolean {
  for (const field in record) if (!Object.hasOwn(OUTGOING_RECORD_FIELDS, field)) return true;
  return false;
}

/** A misspelt field, such as `header`, would be left out of the record without a word. */
function sendProblems(records: readonly object[], options: unknown): string[] {
  const problems = optionProblems('The options of RecordProducer', options, SEND_OPTIONS);
  const odd = records.find(hasUnknownField);
  return odd === undefined
    ? problems
    : [...problems, ...optionProblems('A record of RecordProducer', odd, OUTGOING_RECORD_FIELDS)];
}

function positionBehind(topic: string, ends: ReadonlyMap<number, number>): string {
  const inOrder = Array.from(ends).sort(([a], [b]) => a - b);
  const tokens = inOrder.map(([partition, end]) => PositionToken.ofTopic(topic, partition, end));
  return PositionToken.merge(tokens).toString();
}

/** @throws ConfigurationError for an answer that is not a partition of the topic */
function chosenPartition(choose: KeyPartitioner, topic: string, key: Uint8Array, partitions: number): number {
  const partition = choose(key, partitions);
  if (isPartition(partition, partitions) && partition !== undefined) return partition;
  throw new ConfigurationError([
    `The partitioner of records for "${topic}" answered ${String(partition)}; it must answer a whole number from 0 to ${partitions - 1}.`,
  ]);
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
