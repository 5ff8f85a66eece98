import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { RecordProducer } from '../../libs/streams/src/nest/record-producer.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { produce, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';

describe.skipIf(inject('kafkaUnavailable'))('topics of a real broker that change while an application runs', () => {
  const brokers = (): string => inject('kafkaBrokers')!;
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });
  const open = async (): Promise<KafkaBank> => {
    const bank = await KafkaBank.open(brokers());
    releases.push(() => bank.close());
    return bank;
  };
  const addPartitions = async (topic: string, count: number): Promise<void> => {
    const admin = new Kafka({ brokers: brokers().split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    await admin.disconnect();
  };
  const failureOf = async (instance: StreamsInstance): Promise<unknown> => {
    await expect.poll(() => instance.failure, { timeout: 30_000 }).toBeDefined();
    return instance.failure;
  };
  const options = { engine: 'memory', metadataMaxAge: '1s' } as const;

  it('a deleted source ends the instance with the remedy', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await bank.log.admin.deleteTopics([bank.topics.input]);
    expect(await failureOf(instance)).toMatchObject({
      code: 'STREAMS_TOPIC_CHANGED',
      topic: bank.topics.input,
      change: { kind: 'deleted' },
    });
  });

  it('new partitions of the source of a store end the instance, those of an output are used', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await addPartitions(bank.topics.output, PARTITIONS + 3);
    const used = async (): Promise<number> => {
      await produce(bank.log, bank.topics.input, PARTITIONS, transactions(40, 40));
      const records = await committedRecords(bank.log, bank.topics.output);
      return new Set(records.map(({ partition }) => partition)).size;
    };
    await expect.poll(used, { timeout: 30_000, interval: 500 }).toBe(PARTITIONS + 3);
    await addPartitions(bank.topics.input, PARTITIONS + 1);
    expect(await failureOf(instance)).toMatchObject({
      code: 'STREAMS_TOPIC_CHANGED',
      change: { kind: 'grown', before: PARTITIONS, after: PARTITIONS + 1 },
    });
  });

  it('a record producer misses a deleted topic soon, uses it again, and delays no other topic', async () => {
    const bank = await open();
    const producer = new RecordProducer(() => Promise.resolve(bank.log));
    const send = (topic: string): Promise<string> => producer.send(topic, { key: 'k', value: 'v' });
    await send(bank.topics.input);
    await send(bank.topics.output);
    await bank.log.admin.deleteTopics([bank.topics.input]);
    const lost = send(bank.topics.input).catch((error: unknown) => error);
    for (let i = 0; i < 20; i++) await send(bank.topics.output);
    expect(await lost).toMatchObject({ code: 'LOG_UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(send(bank.topics.input)).rejects.toMatchObject({ code: 'STREAMS_TOPIC_MISSING' });
    await bank.log.admin.createTopics([{ name: bank.topics.input, partitions: 1 }]);
    await send(bank.topics.input);
    expect(await committedRecords(bank.log, bank.topics.input)).toHaveLength(1);
    expect(await committedRecords(bank.log, bank.topics.output)).toHaveLength(21);
  });
});
