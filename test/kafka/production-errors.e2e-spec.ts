import { afterEach, describe, expect, inject, it } from 'vitest';
import { model, produce, readAll, storeContent, transactions, type BankOptions } from '../support/bank.js';
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
  const ids = async (bank: KafkaBank, topic: string, partitions: number): Promise<string[]> =>
    (await readAll(bank.log, topic, partitions)).map(({ value }) => (JSON.parse(value!) as { id: string }).id);

  it('fails the instance under fail, with nothing of it in the log', async () => {
    const bank = await open();
    const instance = bank.instance(sized(LIMIT));
    await instance.start();
    await expect.poll(() => instance.state, { timeout: 20_000 }).toBe('failed');
    expect(instance.failure).toMatchObject({ code: 'STREAMS_PRODUCTION_FAILED', phase: 'production' });
    expect(await ids(bank, bank.topics.output, PARTITIONS)).not.toContain('t7');
  });

  it.each(['continue', 'deadLetter'] as const)('takes the record back that sent it, under %s', async (production) => {
    const bank = await open();
    const dead = `${bank.topics.output}-dead`;
    const instance = await bank.start({ ...sized(LIMIT), errors: { production, deadLetterTopic: dead } });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    expect((await ids(bank, bank.topics.output, PARTITIONS)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
    expect(await ids(bank, dead, 1)).toEqual(production === 'deadLetter' ? ['t7'] : []);
  });

  it('is let through where the broker takes it, and so is a record among others of its batch', async () => {
    const bank = await open();
    const instance = await bank.start(sized(LIMIT - 200));
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    await instance.close();
    expect(await ids(bank, bank.topics.output, PARTITIONS)).toContain('large');
  });
});
