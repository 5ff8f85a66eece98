import { afterEach, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { BadRecord } from '../../libs/streams/src/config/bad-record-policy.js';
import { latest, model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const input = transactions(60, 6);

describe('a record that is tried again', () => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(2);
    banks.push(bank);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    return bank;
  };
  const sent = async (bank: EmbeddedBank, topic = bank.topics.output): Promise<string[]> =>
    (await committedRecords(bank.log, topic)).map(({ value }) => (JSON.parse(value!) as { id: string }).id);

  /** Fails on t7 for the first `times` times, after a write and an output, or before both. */
  const failing = (times: number, when: 'before' | 'after'): BankOptions & { readonly tries: () => number } => {
    let tries = 0;
    const fail = ({ id }: { id: string }): void => {
      if (id === 't7' && tries++ < times) throw new Error(`${id} is refused`);
    };
    return { commitInterval: 20, [when]: fail, tries: () => tries };
  };

  it.each(['before', 'after'] as const)(
    'counts once when it succeeds at last, having failed %s its write',
    async (when) => {
      const bank = await open();
      const { tries, ...options } = failing(3, when);
      const policy = { retry: { attempts: 3, backoff: 5 }, finally: 'fail' } as const;
      const instance = await bank.start({ ...options, errors: { processing: policy } });
      await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
      await instance.close();
      expect(tries()).toBeGreaterThanOrEqual(4);
      expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
      expect((await sent(bank)).toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    },
  );

  it('keeps the order of its partition, while the others go on and are committed', async () => {
    const bank = await open();
    const { tries, ...options } = failing(Infinity, 'before');
    const instance = await bank.start({ ...options, errors: { processing: () => ({ retryAfterMs: 60_000 }) } });
    const of7 = input[7]!.accountId;
    // t1 came before t7 in the same account; t13 and the rest wait behind it.
    const before = model(input.slice(0, 7)).get(of7);
    await expect.poll(async () => (await storeContent(instance)).get(of7), { timeout: 10_000 }).toEqual(before);
    await expect.poll(() => instance.sourceLag().filter(({ lag }) => lag === 0).length, { timeout: 10_000 }).toBe(1);
    expect((await storeContent(instance)).get(of7)).toEqual(before);
    expect(tries()).toBe(1);
    expect(instance.state).toBe('running');
  });

  it('waits its time, although other work is dropped and done again meanwhile', async () => {
    const bank = await open();
    const partitionOf = ({ accountId }: { accountId: string }): number =>
      partitionForKey(Buffer.from(accountId), bank.partitions);
    const elsewhere = input.findLast((each) => partitionOf(each) !== partitionOf(input[7]!))!;
    let [tries, halves] = [0, 0];
    const instance = await bank.start({
      commitInterval: 20,
      before: ({ id }) => {
        if (id === 't7' && ++tries > 0) throw new Error('not yet');
      },
      after: ({ id }) => {
        if (id === elsewhere.id && ++halves < 3) throw new Error('half-way');
      },
      errors: { processing: ({ partition }) => ({ retryAfterMs: partition === partitionOf(elsewhere) ? 1 : 60_000 }) },
    });
    await expect.poll(() => instance.sourceLag().filter(({ lag }) => lag === 0).length, { timeout: 10_000 }).toBe(1);
    expect(halves).toBe(3);
    expect(tries).toBe(1);
  });

  it('goes to the dead-letter topic, once, when all attempts have failed', async () => {
    const bank = await open();
    await bank.log.admin.createTopics([{ name: 'dead', partitions: 1 }]);
    const { tries, ...options } = failing(Infinity, 'after');
    const processing = { retry: { attempts: 2, backoff: 5 }, finally: 'deadLetter' } as const;
    const instance = await bank.start({ ...options, errors: { processing, deadLetterTopic: 'dead' } });
    const good = input.filter(({ id }) => id !== 't7');
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
    await instance.close();
    expect(tries()).toBe(3);
    expect(await sent(bank, 'dead')).toEqual(['t7']);
    expect((await sent(bank)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
  });

  it('is decided about by a function that knows the attempt', async () => {
    const bank = await open();
    const { tries, ...options } = failing(Infinity, 'before');
    const attempts: number[] = [];
    const processing = ({ attempt }: BadRecord) => {
      attempts.push(attempt);
      return attempt === 1 ? ('retry' as const) : attempt === 2 ? { retryAfterMs: 1 } : ('continue' as const);
    };
    const instance = await bank.start({ ...options, errors: { processing } });
    await expect.poll(() => storeContent(instance)).toEqual(model(input.filter(({ id }) => id !== 't7')));
    expect(attempts).toEqual([1, 2, 3]);
    expect(tries()).toBe(3);
  });
});
