import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';

const input = transactions(200, 20);

describe.skipIf(inject('kafkaUnavailable'))('what vanishes from a real broker', () => {
  let bank: KafkaBank;
  afterEach(() => bank.close());

  const stopped = async (): Promise<void> => {
    bank = await KafkaBank.open(inject('kafkaBrokers')!);
    await produce(bank.log, bank.topics.input, PARTITIONS, input);
    const first = await bank.start();
    await expect.poll(() => storeContent(first), { timeout: 10_000 }).toEqual(model(input));
    await first.close();
  };
  const failureOf = async (options: BankOptions = {}): Promise<unknown> => {
    const instance = bank.instance(options);
    await instance.start().catch(() => undefined);
    const failure = await instance.whenRunning().then(
      () => undefined,
      (error: unknown) => error,
    );
    await instance.close();
    return failure;
  };

  it('stops the start when the offsets are gone, until the choice is made', async () => {
    await stopped();
    const admin = new Kafka({ brokers: inject('kafkaBrokers')!.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteGroups([bank.topics.applicationId]);
    await admin.disconnect();
    expect(await failureOf()).toMatchObject({ code: 'STREAMS_OFFSETS_LOST' });
    const second = await bank.start({ onOffsetsLost: 'reset' });
    await expect.poll(() => storeContent(second), { timeout: 10_000 }).toEqual(model(input));
  });

  it('stops the start when a changelog is another topic, and when it is gone', async () => {
    await stopped();
    const { admin } = bank.log;
    const ids = await admin.topicIds([bank.changelog, 'never-there']);
    expect([...ids.keys()]).toEqual([bank.changelog]);
    expect(ids.get(bank.changelog)).toMatch(/^[0-9a-f]{32}$/);
    await admin.deleteTopics([bank.changelog]);
    await expect.poll(async () => (await admin.topicIds([bank.changelog])).size, { timeout: 10_000 }).toBe(0);
    expect(await failureOf()).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST', reason: 'missing' });
    const config = { 'cleanup.policy': 'compact', 'retention.ms': '-1' };
    await admin.createTopics([{ name: bank.changelog, partitions: PARTITIONS, config }]);
    expect(await failureOf()).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST', reason: 'recreated' });
  });
});
