import { afterEach, describe, expect, it } from 'vitest';
import { KafkaErrorCode as E } from '../../libs/streams/src/log/protocol/error-codes.js';
import { decodeRecords } from '../../libs/streams/src/log/records/record-decoder.js';
import type { ByTopic, Messages } from '../../libs/streams/src/log/protocol/messages.js';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const input = transactions(60, 6);
const good = input.filter(({ id }) => id !== 't7');
const LIMIT = 20_000;
/** At the other partitions of the request. */
const NOT_ATTEMPTED: Readonly<Record<string, number>> = { addPartitionsToTxn: 55, produce: E.REQUEST_TIMED_OUT };

describe('a record that a handler sends and that can never be written', () => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (config: Readonly<Record<string, string>>): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(2);
    banks.push(bank);
    await bank.log.admin.deleteTopics([bank.topics.output]);
    await bank.log.admin.createTopics([
      { name: bank.topics.output, partitions: bank.partitions, config },
      { name: 'dead', partitions: 1 },
    ]);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    return bank;
  };
  const ids = async (bank: EmbeddedBank, topic: string): Promise<string[]> =>
    (await committedRecords(bank.log, topic)).map(({ value }) => (JSON.parse(value!) as { id: string }).id);

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, BankOptions['after']])[] = [
    [
      'is larger than its topic takes',
      { 'max.message.bytes': String(LIMIT) },
      ({ id }, context) => void (id === 't7' && context.forward({ id, text: 'x'.repeat(LIMIT) })),
    ],
    [
      'has no key where its topic is compacted',
      { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '86400000' },
      ({ id }, context) => void (id === 't7' && context.forward({ id }, { key: null })),
    ],
    ['is refused by its serde', {}, ({ id }, context) => void (id === 't7' && context.forward(circular))],
  ];

  describe.each(cases)('because it %s', (_, config, after) => {
    it('fails the instance by default, and names the output', async () => {
      const bank = await open(config);
      const instance = bank.instance({ after, commitInterval: 20 });
      await instance.start();
      await expect.poll(() => instance.state).toBe('failed');
      expect(instance.failure).toMatchObject({
        code: 'STREAMS_PRODUCTION_FAILED',
        phase: 'production',
        message: expect.stringContaining(bank.topics.output) as string,
      });
      expect(await ids(bank, bank.topics.output)).not.toContain('t7');
    });

    it.each(['continue', 'deadLetter'] as const)('takes the record back that sent it, under %s', async (production) => {
      const bank = await open(config);
      const instance = await bank.start({
        after,
        commitInterval: 20,
        errors: { production, deadLetterTopic: 'dead', processing: 'fail' },
      });
      await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
      await instance.close();
      expect((await ids(bank, bank.topics.output)).toSorted()).toEqual(good.map(({ id }) => id).toSorted());
      expect(await ids(bank, 'dead')).toEqual(production === 'deadLetter' ? ['t7'] : []);
    });
  });

  it('is not met because others share its batch', async () => {
    const bank = await open({ 'max.message.bytes': '2000' });
    const text = 'x'.repeat(1000);
    const instance = await bank.start({
      commitInterval: 200,
      after: (_, context) => context.forward({ id: 'more', text }),
    });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    expect((await ids(bank, bank.topics.output)).filter((id) => id === 'more')).toHaveLength(60);
  });

  describe.each(['exactly_once', 'at_least_once'] as const)(
    'when the log takes no more for the topic (%s)',
    (guarantee) => {
      /** From now on, as a broker whose access rules have changed. @returns what gives the right back. */
      const forbid = (bank: EmbeddedBank): (() => void) =>
        bank.broker.intercept(async (_role, api, request, next) => {
          if (api !== (guarantee === 'exactly_once' ? 'addPartitionsToTxn' : 'produce')) return next();
          const { topics } = request as { topics: readonly ByTopic<{ partition: number } | number>[] };
          if (!topics.some(({ topic }) => topic === bank.topics.output)) return next();
          return {
            topics: topics.map(({ topic, partitions }) => ({
              topic,
              partitions: partitions.map((each) => ({
                partition: typeof each === 'number' ? each : each.partition,
                error: topic === bank.topics.output ? E.TOPIC_AUTHORIZATION_FAILED : NOT_ATTEMPTED[api],
                baseOffset: -1,
                message: null,
              })),
            })),
          } as Awaited<ReturnType<typeof next>>;
        });
      const options = { processingGuarantee: guarantee, commitInterval: 20 } as const;

      it('fails the instance by default, and names the record and the topic', async () => {
        const bank = await open({});
        forbid(bank);
        const instance = bank.instance(options);
        await instance.start();
        await expect.poll(() => instance.state).toBe('failed');
        expect(instance.failure).toMatchObject({
          code: 'STREAMS_PRODUCTION_FAILED',
          phase: 'production',
          message: expect.stringMatching(/"out".*TOPIC_AUTHORIZATION_FAILED/s) as string,
        });
      });

      it('waits at the record under a policy of retries, and goes on when it is allowed again', async () => {
        const bank = await open({});
        const allow = forbid(bank);
        const attempts: number[] = [];
        const instance = await bank.start({
          ...options,
          errors: {
            production: ({ attempt }) => {
              attempts.push(attempt);
              return { retryAfterMs: 5 };
            },
          },
        });
        await expect.poll(() => attempts.length).toBeGreaterThan(3);
        expect(await ids(bank, bank.topics.output)).toEqual([]);
        allow();
        await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input));
        await instance.close();
        const written = await ids(bank, bank.topics.output);
        expect(written.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
      });
    },
  );

  describe.each(['exactly_once', 'at_least_once'] as const)(
    'because the broker refuses its timestamp (%s)',
    (guarantee) => {
      /** A broker that refuses the records of one time, as one whose clock says something else. */
      const refuse = (bank: EmbeddedBank, topic: string, isRefused: (timestamp: number) => boolean): (() => void) =>
        bank.broker.intercept(async (_role, api, request, next) => {
          if (api !== 'produce') return next();
          const { topics } = request as Messages['produce']['request'];
          const indexes = topics.flatMap((each) =>
            each.topic === topic ? each.partitions.flatMap(({ records }) => timesOf(records).map(isRefused)) : [],
          );
          if (!indexes.includes(true)) return next();
          return {
            topics: topics.map((each) => ({
              topic: each.topic,
              partitions: each.partitions.map(({ partition, records }) => {
                const recordErrors = timesOf(records).flatMap((time, index) =>
                  each.topic === topic && isRefused(time) ? [{ index, message: 'Timestamp is out of range.' }] : [],
                );
                const error = recordErrors.length > 0 ? E.INVALID_TIMESTAMP : E.REQUEST_TIMED_OUT;
                return { partition, error, baseOffset: -1, message: null, recordErrors };
              }),
            })),
          } as Awaited<ReturnType<typeof next>>;
        });
      const timesOf = (bytes: Uint8Array): readonly number[] =>
        Array.from(
          decodeRecords({
            topic: '',
            partition: 0,
            position: 0,
            isolation: 'read_uncommitted',
            aborted: [],
            highWatermark: 0,
            lastStableOffset: 0,
            logStartOffset: 0,
            records: Buffer.from(bytes),
          }).timestamps,
        );
      const AHEAD_MS = 2 * 3_600_000;

      it('takes the record back that sent it, under continue, with a time that is new each time', async () => {
        const bank = await open({});
        const from = Date.now() + AHEAD_MS;
        refuse(bank, bank.topics.output, (time) => time >= from);
        const instance = await bank.start({
          processingGuarantee: guarantee,
          commitInterval: 20,
          after: ({ id }, context) =>
            void (id === 't7' && context.forward({ id: 'ahead' }, { timestamp: Date.now() + AHEAD_MS })),
          errors: { production: 'continue', processing: 'fail' },
        });
        await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(good));
        await instance.close();
        expect(await ids(bank, bank.topics.output)).not.toContain('ahead');
      });

      it('fails the instance where a changelog is refused, and speaks of clocks', async () => {
        const bank = await open({});
        refuse(bank, bank.changelog, () => true);
        const instance = bank.instance({ processingGuarantee: guarantee, commitInterval: 20 });
        await instance.start();
        await expect.poll(() => instance.state).toBe('failed');
        expect(instance.failure?.message).toMatch(
          /bank-balances-changelog.*INVALID_TIMESTAMP.*clock of this machine says/s,
        );
      });
    },
  );
});
