import { LogError } from '../../errors/log-error.js';
import { delay, type Clock } from '../../time/clock.js';
import type { IsolationLevel, PartitionOffset, TopicPartition } from '../log.js';
import type { LogAdmin, NewTopic, TopicDescription } from '../log-admin.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ByTopic, PartitionError } from '../protocol/messages.js';
import type { Wire } from '../wire.js';
import { byPartition, groupByTopic, partitionKey } from './by-topic.js';
import { committedOffsets } from './committed-offsets.js';
import { ConnectedWire } from './connected-wire.js';
import { CoordinatorClient } from './coordinator-client.js';
import { closedError, kafkaError } from './kafka-error.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const DEADLINE_MS = 30_000;
const BACK_OFF_MS = 50;
const BROKER_TIMEOUT_MS = 15_000;
const EARLIEST = -2;
const END = -1;

/** Brokers answer so for a topic that does not exist as well, unless the user may see it. */
function forbidden(topic: string): LogError {
  const reason = 'it does not exist, or the user lacks the right DESCRIBE on it';
  return kafkaError(KafkaErrorCode.TOPIC_AUTHORIZATION_FAILED, `to describe the topic "${topic}"`, reason);
}

/** `LogAdmin` over a wire of its own; every call is repeated until it is answered, for at most half a minute. */
export class AdminClient implements LogAdmin {
  private readonly connected: ConnectedWire;
  private readonly closing = lastingAbort();

  constructor(
    private readonly wire: Wire,
    private readonly clock: Clock,
  ) {
    this.connected = new ConnectedWire(wire);
  }

  /** One attempt, so that an unreachable log is known at once. */
  connect(): Promise<void> {
    return this.connected.connect();
  }

  describeTopics(names: readonly string[]): Promise<Map<string, TopicDescription>> {
    return this.repeated(async () => {
      await this.wire.track(names);
      const found = new Map<string, TopicDescription>();
      for (const name of names) {
        const partitions = this.wire.partitions(name).length;
        if (partitions > 0) found.set(name, { name, partitions });
        else if (this.wire.isForbidden?.(name) === true) throw forbidden(name);
      }
      return found;
    });
  }

  topicIds(names: readonly string[]): Promise<Map<string, string>> {
    return this.repeated(async () => {
      const { topics } = await this.wire.send(this.wire.anyNode(), 'topicIds', { topics: names });
      const found = new Map<string, string>();
      for (const { name, error, id } of topics) {
        if (error === KafkaErrorCode.UNKNOWN_TOPIC_OR_PARTITION) continue;
        if (error !== KafkaErrorCode.NONE && error !== KafkaErrorCode.LEADER_NOT_AVAILABLE)
          throw kafkaError(error, `the id of the topic "${name}"`);
        found.set(name, id);
      }
      return found;
    });
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    await this.repeated(async () => {
      const response = await this.wire.send(
        this.wire.controller(),
        'createTopics',
        {
          timeoutMs: BROKER_TIMEOUT_MS,
          topics: topics.map(({ name, partitions, replicationFactor = -1, config = {} }) => ({
            name,
            partitions,
            replicationFactor,
            config: Object.entries(config).map(([name, value]) => ({ name, value })),
          })),
        },
        BROKER_TIMEOUT_MS,
      );
      for (const { name, error, message } of response.topics) {
        if (error !== KafkaErrorCode.NONE && error !== KafkaErrorCode.TOPIC_ALREADY_EXISTS) {
          throw kafkaError(error, `to create the topic "${name}"`, message);
        }
      }
    });
    await this.repeated(async () => {
      await this.wire.track(topics.map(({ name }) => name));
      for (const { name } of topics) {
        if (this.wire.isForbidden?.(name) === true) throw forbidden(name);
        const partitions = this.wire.partitions(name);
        const isReady = partitions.length > 0 && partitions.every((p) => this.wire.leaderOf(name, p) !== undefined);
        if (!isReady) throw kafkaError(KafkaErrorCode.LEADER_NOT_AVAILABLE, `the new topic "${name}"`);
      }
    });
    await this.beginningOffsets(
      topics.flatMap(({ name }) => this.wire.partitions(name).map((partition) => ({ topic: name, partition }))),
    );
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.repeated(async () => {
      const request = { timeoutMs: BROKER_TIMEOUT_MS, names };
      const response = await this.wire.send(this.wire.controller(), 'deleteTopics', request, BROKER_TIMEOUT_MS);
      for (const { name, error } of response.topics) {
        if (error !== KafkaErrorCode.NONE && error !== KafkaErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
          throw kafkaError(error, `to delete the topic "${name}"`);
        }
      }
    });
  }

  describeConfig(topic: string): Promise<Map<string, string>> {
    return this.repeated(async () => {
      const response = await this.wire.send(this.wire.anyNode(), 'describeConfigs', { topics: [topic] });
      const config = new Map<string, string>();
      for (const { error, message, entries } of response.topics) {
        if (error !== KafkaErrorCode.NONE) throw kafkaError(error, `the configuration of "${topic}"`, message);
        for (const { name, value } of entries) if (value !== null) config.set(name, value);
      }
      return config;
    });
  }

  beginningOffsets(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    return this.offsets(partitions, EARLIEST, 'read_uncommitted');
  }

  endOffsets(partitions: readonly TopicPartition[], isolation: IsolationLevel): Promise<PartitionOffset[]> {
    return this.offsets(partitions, END, isolation);
  }

  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    await this.perLeader(before, async (leader, group) => {
      const topics = groupByTopic(group, ({ partition, offset }) => ({ partition, offset }));
      const request = { timeoutMs: BROKER_TIMEOUT_MS, topics };
      return (await this.wire.send(leader, 'deleteRecords', request, BROKER_TIMEOUT_MS)).topics;
    });
  }

  async committedOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    if (partitions.length === 0) return [];
    const coordinator = new CoordinatorClient(this.connected, 'group', groupId, this.clock);
    const stop = (): void => coordinator.close();
    this.closing.signal.addEventListener('abort', stop, { once: true });
    try {
      // An observer asks for what is decided; it does not wait for pending transactions.
      return await committedOffsets(
        coordinator,
        { groupId, requireStable: false, deadlineMs: DEADLINE_MS },
        partitions,
      );
    } finally {
      this.closing.signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    await this.wire.close();
  }

  private async offsets(
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolation: IsolationLevel,
  ): Promise<PartitionOffset[]> {
    const found = await this.perLeader(partitions, async (leader, group) => {
      const topics = groupByTopic(group, ({ partition }) => ({ partition, timestamp }));
      const request = { isolation: isolation === 'read_committed' ? 1 : 0, topics } as const;
      return (await this.wire.send(leader, 'listOffsets', request)).topics;
    });
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: found.get(partitionKey(topic, partition))!.offset,
    }));
  }

  /** Asks the leaders until every partition has answered without an error that passes. */
  private async perLeader<P extends TopicPartition, R extends PartitionError>(
    partitions: readonly P[],
    ask: (leader: number, group: readonly P[]) => Promise<readonly ByTopic<R>[]>,
  ): Promise<Map<string, R>> {
    const found = new Map<string, R>();
    if (partitions.length === 0) return found;
    let isTracked = false;
    await this.repeated(async () => {
      if (!isTracked) await this.wire.track([...new Set(partitions.map(({ topic }) => topic))]);
      isTracked = true;
      const byLeader = new Map<number, P[]>();
      for (const each of partitions) {
        if (found.has(partitionKey(each.topic, each.partition))) continue;
        const leader = this.wire.leaderOf(each.topic, each.partition);
        if (leader === undefined) {
          throw kafkaError(KafkaErrorCode.LEADER_NOT_AVAILABLE, `a request about ${each.topic}-${each.partition}`);
        }
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), each]);
      }
      let firstFailure: LogError | undefined;
      for (const [leader, group] of byLeader) {
        for (const [key, answer] of byPartition(await ask(leader, group))) {
          if (answer.error === KafkaErrorCode.NONE) found.set(key, answer);
          else firstFailure ??= kafkaError(answer.error, `a request about ${key}`);
        }
      }
      if (firstFailure !== undefined) throw firstFailure;
    });
    return found;
  }

  private async repeated<T>(attempt: () => Promise<T>): Promise<T> {
    const startedAt = this.clock.monotonic();
    for (;;) {
      if (this.closing.signal.aborted) throw closedError('log');
      try {
        await this.connected.connect();
        return await attempt();
      } catch (error) {
        if (!(error instanceof LogError) || error.kind !== 'retriable') throw error;
        if (this.clock.monotonic() - startedAt > DEADLINE_MS) throw error;
      }
      await delay(this.clock, BACK_OFF_MS, this.closing.signal);
      await this.wire.refresh().catch(() => undefined);
    }
  }
}
