import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';

const LIMIT = 20_000;
const input = transactions(60, 6);
const good = input.filter(({ id }) => id !== 't7');

describe.skipIf(inject('kafkaUnavailable'))('an output that is larger than its topic takes', () => {
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });
  const open = async (): Promise<KafkaBank> => {
    const bank = await KafkaBank.open(inject('kafkaBrokers')!);
    releases.push(() => bank.close());
    const { input: source, output } = bank.topics;
    await bank.log.admin.deleteTopics([output]);
    await expect.poll(async () => (await bank.log.admin.describeTopics([output])).size, { timeout: 20_000 }).toBe(0);
    await bank.log.admin.createTopics([
      { name: output, partitions: PARTITIONS, config: { 'max.message.bytes': String(LIMIT) } },
      { name: `${output}-dead`, partitions: 1 },
    ]);
    await produce(bank.log, source, PARTITIONS, input);
    return bank;
  };
  const sized = (bytes: number): BankOptions => ({
    after: ({ id }, context) => void (id === 't7' && context.forward({ id: 'large', text: 'x'.repeat(bytes) })),
  });
  const ids = async (bank: KafkaBank, topic: string): Promise<string[]> =>
    (await committedRecords(bank.log, topic)).map(({ value }) => (JSON.parse(value!) as { id: string }).id);

  it('fails the instance under fail, with nothing of it in the log', async () => {
    const bank = await open();
    const instance = bank.instance(sized(LIMIT));
    await instance.start();
    await expect.poll(() => instance.state, { timeout: 20_000 }).toBe('failed');
    expect(instance.failure).toMatchObject({ code: 'STREAMS_PRODUCTION_FAILED', phase: 'production' });
    expect(await ids(bank, bank.topics.output)).not.toContain('t7');
  });

  it.each(['continue', 'deadLetter'] as const)('takes the record back that sent it, under %s', async (production) => {
    const bank = await open();
    const dead = `${bank.topics.output}-dead`;
    const instance = await bank.start({ ...sized(LIMIT), errors: { production, deadLetterTopic: dead } });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    expect((await ids(bank, bank.topics.output)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
    expect(await ids(bank, dead)).toEqual(production === 'deadLetter' ? ['t7'] : []);
  });

  it('is let through where the broker takes it, and so is a record among others of its batch', async () => {
    const bank = await open();
    const instance = await bank.start(sized(LIMIT - 200));
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    await instance.close();
    expect(await ids(bank, bank.topics.output)).toContain('large');
  });

  it('is judged by the limit that the topic has by now', async () => {
    const bank = await open();
    const dead = `${bank.topics.output}-dead`;
    const later = transactions(60, 6, 60);
    const instance = await bank.start({
      errors: { production: 'deadLetter', deadLetterTopic: dead },
      after: ({ id }, context) => {
        if (id === 't7' || id === 't67') context.forward({ id: 'large', text: 'x'.repeat(10_000) });
      },
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    await lowerLimit(inject('kafkaBrokers')!, bank.topics.output, 5000);
    await produce(bank.log, bank.topics.input, PARTITIONS, later);
    const taken = [...input, ...later.filter(({ id }) => id !== 't67')];
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(taken));
    await instance.close();
    expect((await ids(bank, bank.topics.output)).toSorted()).toEqual(
      [...taken.map(({ id }) => id), 'large'].toSorted(),
    );
    expect(await ids(bank, dead)).toEqual(['t67']);
  });

  it('is judged as it is compressed', async () => {
    const bank = await open();
    const dead = `${bank.topics.output}-dead`;
    const noise = randomBytes(LIMIT).toString('hex');
    const instance = await bank.start({
      compression: 'gzip',
      errors: { production: 'deadLetter', deadLetterTopic: dead },
      after: ({ id }, context) => {
        if (id === 't7') context.forward({ id: 'noise', text: noise });
        if (id === 't8') context.forward({ id: 'large', text: 'x'.repeat(5 * LIMIT) });
      },
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    expect((await ids(bank, bank.topics.output)).toSorted()).toEqual([...good.map(({ id }) => id), 'large'].toSorted());
    expect(await ids(bank, dead)).toEqual(['t7']);
  });

  it('is taken back as well when its timestamp lies further ahead than the topic takes', async () => {
    const bank = await open();
    const dead = `${bank.topics.output}-dead`;
    const instance = await bank.start({
      errors: { production: 'deadLetter', deadLetterTopic: dead },
      after: ({ id }, context) => {
        if (id === 't7') context.forward({ id: 'future' }, { timestamp: Date.now() + 2 * 3_600_000 });
      },
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    expect(await ids(bank, dead)).toEqual(['t7']);
  });
});

async function lowerLimit(brokers: string, topic: string, bytes: number): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [{ name: 'max.message.bytes', value: String(bytes) }],
      },
    ],
  });
  await admin.disconnect();
}
