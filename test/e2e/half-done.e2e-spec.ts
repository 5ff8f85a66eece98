import { afterEach, describe, expect, it } from 'vitest';
import { latest, model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const BAD = new Set(['t7', 't8', 't30']);

describe('a handler that throws after it has changed a store and sent a record', () => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const input = transactions(60, 6);
  const good = input.filter(({ id }) => !BAD.has(id));
  const failing: BankOptions = {
    commitInterval: 20,
    after: ({ id }, context) => {
      if (!BAD.has(id)) return;
      context.forward({ id: `half of ${id}` });
      throw new Error(`${id} is refused`);
    },
  };
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(2);
    banks.push(bank);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    return bank;
  };
  const sent = async (bank: EmbeddedBank): Promise<string[]> =>
    (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );

  for (const engine of ['memory', 'rocksdb'] as const) {
    it(`leaves nothing of the record behind when it is skipped (${engine})`, async () => {
      const bank = await open();
      const instance = await bank.start({ ...failing, engine, errors: { processing: 'continue' } });
      await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
      await instance.close();
      expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(good));
      expect((await sent(bank)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
    });
  }

  it('moves the record to the dead-letter topic, once', async () => {
    const bank = await open();
    await bank.log.admin.createTopics([{ name: 'dead', partitions: 1 }]);
    const errors = { processing: 'deadLetter', deadLetterTopic: 'dead' } as const;
    const instance = await bank.start({ ...failing, errors });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    const letters = (await committedRecords(bank.log, 'dead')).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );
    expect(letters.toSorted()).toEqual([...BAD].toSorted());
    expect((await sent(bank)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
  });

  it('keeps the store right under at_least_once as well, where outputs may be repeated', async () => {
    const bank = await open();
    const instance = await bank.start({
      ...failing,
      processingGuarantee: 'at_least_once',
      errors: { processing: 'continue' },
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    const ids = new Set(await sent(bank));
    expect(good.filter(({ id }) => !ids.has(id))).toEqual([]);
  });

  it('fails the instance by default, with the record in the error', async () => {
    const bank = await open();
    const instance = bank.instance(failing);
    await instance.start();
    await expect.poll(() => instance.state).toBe('failed');
    expect(instance.failure).toMatchObject({ code: 'STREAMS_PROCESSING_FAILED', handler: 'apply' });
    expect(await sent(bank)).not.toContain('half of t7');
  });
});
