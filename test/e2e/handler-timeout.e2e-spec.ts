import { afterEach, describe, expect, it } from 'vitest';
import type { BadRecord } from '../../libs/streams/src/config/bad-record-policy.js';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const input = transactions(60, 6);
const withoutT7 = input.filter(({ id }) => id !== 't7');

describe('a handler that takes too long', () => {
  let bank: EmbeddedBank | undefined;
  afterEach(async () => {
    await bank?.close();
    bank = undefined;
  });

  const open = async (): Promise<EmbeddedBank> => {
    bank = await EmbeddedBank.open(2);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    return bank;
  };
  const sent = async ({ log, topics }: EmbeddedBank): Promise<string[]> =>
    (await committedRecords(log, topics.output))
      .map(({ value }) => (JSON.parse(value!) as { id: string }).id)
      .toSorted();
  const ids = (each: readonly { id: string }[]): string[] => each.map(({ id }) => id).toSorted();

  it.each([
    ['exactly_once', 'memory'],
    ['at_least_once', 'rocksdb'],
  ] as const)(
    'gives its record to errors.processing, and is refused all it does later (%s, %s)',
    async (guarantee, engine) => {
      const { log } = await open();
      let release = (): void => undefined;
      const late = new Promise<void>((resolve) => (release = resolve));
      const options: BankOptions = {
        processingGuarantee: guarantee,
        engine,
        commitInterval: 20,
        handlerTimeout: 300,
        errors: { processing: 'deadLetter', deadLetterTopic: 'dead' },
        // t13 is the next one of its account: the late handler writes while that is handled.
        before: ({ id }) => {
          if (id === 't7') return late;
          if (id !== 't13') return;
          release();
          return new Promise((resolve) => setTimeout(resolve, 50));
        },
      };
      await log.admin.createTopics([{ name: 'dead', partitions: 1 }]);
      const instance = await bank!.start(options);
      await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(withoutT7));
      const outputs = async (): Promise<string[]> => {
        const all = await sent(bank!);
        return guarantee === 'exactly_once' ? all : [...new Set(all)];
      };
      await expect.poll(outputs, { timeout: 5000 }).toEqual(ids(withoutT7));
      const dead = await committedRecords(log, 'dead');
      expect(dead.map(({ value }) => (JSON.parse(value!) as { id: string }).id)).toEqual(['t7']);
      expect(instance.state).toBe('running');
    },
  );

  it('outlasts its transaction no more than three times', async () => {
    await open();
    const failures: BadRecord[] = [];
    const warnings: string[] = [];
    let times = 0;
    const instance = await bank!.start({
      engine: 'memory',
      commitInterval: 500,
      transactionTimeout: 1000,
      logger: { debug() {}, info() {}, warn: (text) => void warnings.push(text), error() {} },
      errors: { processing: (failure) => (failures.push(failure), 'continue') },
      before: ({ id }) => {
        if (id !== 't7') return;
        times++;
        return new Promise((resolve) => setTimeout(resolve, 1300));
      },
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(withoutT7));
    expect(times).toBe(3);
    expect(failures).toMatchObject([{ handler: 'apply', error: { code: 'STREAMS_HANDLER_TIMEOUT', times: 3 } }]);
    expect(warnings.filter((text) => text.startsWith('apply took'))).toHaveLength(2);
    expect(await sent(bank!)).toEqual(ids(withoutT7));
  }, 30_000);
});
