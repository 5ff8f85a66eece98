import { afterEach, describe, expect, it } from 'vitest';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import type { ResponseOf } from '../../libs/streams/src/log/protocol/messages.js';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const PARTITIONS = 2;

/** Each account has transactions in the first run and in the second. */
const before = transactions(40, 8);
const after = transactions(40, 8, 40);

describe.each(['exactly_once', 'at_least_once'] as const)('committed offsets that are lost, %s', (guarantee) => {
  let bank: EmbeddedBank;
  afterEach(() => bank.close());

  /** A bank whose instance stopped in order after the first transactions. */
  const stopped = async (engine = 'rocksdb'): Promise<BankOptions> => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const options = { stateDir: bank.folder(), engine, processingGuarantee: guarantee };
    const first = await bank.start(options);
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    await expect.poll(() => storeContent(first), { timeout: 5000 }).toEqual(model(before));
    await first.close();
    return options;
  };
  const failureOf = async (options: BankOptions): Promise<unknown> => {
    const instance = bank.instance(options);
    await instance.start().catch(() => undefined);
    const failure: unknown = await instance.whenRunning().then(
      () => undefined,
      (error: unknown) => error,
    );
    await instance.close();
    return failure;
  };
  const inputPartitions = (): { topic: string; partition: number }[] =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: bank.topics.input, partition }));
  const recreateInput = async (): Promise<void> => {
    await bank.log.admin.deleteTopics([bank.topics.input]);
    await bank.log.admin.createTopics([{ name: bank.topics.input, partitions: PARTITIONS }]);
  };

  it.each(['rocksdb', 'memory'])('stop the start where state exists in the engine %s', async (engine) => {
    const options = await stopped(engine);
    bank.broker.expireOffsets('bank');
    const failure = await failureOf(options);
    expect(failure).toMatchObject({ code: 'STREAMS_OFFSETS_LOST', stores: ['balances'] });
    expect(String(failure)).toContain(`'reset'`);
    // A second try does not find what the first one left.
    expect(await failureOf(options)).toMatchObject({ code: 'STREAMS_OFFSETS_LOST' });
  });

  it('are replaced by the end with "latest": the state stays and is not counted again', async () => {
    const options = await stopped();
    bank.broker.expireOffsets('bank');
    const second = await bank.start({ ...options, onOffsetsLost: 'latest' });
    await produce(bank.log, bank.topics.input, PARTITIONS, after);
    await expect.poll(() => storeContent(second), { timeout: 5000 }).toEqual(model([...before, ...after]));
  });

  it('are replaced by the beginning with "earliest": the input is applied again on top of the state', async () => {
    const options = await stopped();
    bank.broker.expireOffsets('bank');
    const second = await bank.start({ ...options, onOffsetsLost: 'earliest' });
    await expect.poll(() => storeContent(second), { timeout: 5000 }).toEqual(model([...before, ...before]));
  });

  it('are replaced by the beginning with "reset", over empty stores and changelogs', async () => {
    const options = await stopped();
    bank.broker.expireOffsets('bank');
    const second = await bank.start({ ...options, onOffsetsLost: 'reset' });
    await expect.poll(() => storeContent(second), { timeout: 5000 }).toEqual(model(before));
    await produce(bank.log, bank.topics.input, PARTITIONS, after);
    await expect.poll(() => storeContent(second), { timeout: 5000 }).toEqual(model([...before, ...after]));
    await second.close();
    // The option left set does nothing while the offsets are there, also for an instance without a folder.
    const third = await bank.start({ ...options, stateDir: bank.folder(), onOffsetsLost: 'reset' });
    expect(await storeContent(third)).toEqual(model([...before, ...after]));
  });

  it('change nothing in a changelog by a "reset" that lost its task on the way, beyond a batch with at-least-once', async () => {
    bank = await EmbeddedBank.open(1);
    const options = { stateDir: bank.folder(), processingGuarantee: guarantee };
    const all = transactions(3000, 3000);
    const first = await bank.start(options);
    await produce(bank.log, bank.topics.input, 1, all);
    await expect.poll(async () => (await storeContent(first)).size, { timeout: 10_000 }).toBe(3000);
    await first.close();
    bank.broker.expireOffsets('bank');
    let isExpelled = false;
    const { instance, halt } = bank.doomed({
      processingGuarantee: guarantee,
      onOffsetsLost: 'reset',
      group: { sessionTimeout: 1000, heartbeatInterval: 100 },
    });
    const restoreAnswers = bank.broker.intercept(async (role, api, _request, next) => {
      if (!role.startsWith('doomed/')) return next();
      if (api === 'heartbeat' && isExpelled)
        return { error: KafkaErrorCode.UNKNOWN_MEMBER_ID } as Awaited<ReturnType<typeof next>>;
      if (api === 'joinGroup' && isExpelled) return new Promise(() => {});
      if (api !== 'produce' || !role.includes('reset')) return next();
      isExpelled = true;
      // The answer to the first batch comes once the membership is lost.
      await expect.poll(() => instance.tasks().map(({ state }) => state), { timeout: 10_000 }).toEqual(['suspended']);
      return next();
    });
    await instance.start();
    await expect.poll(() => isExpelled, { timeout: 10_000 }).toBe(true);
    await expect.poll(() => instance.tasks().map(({ state }) => state), { timeout: 10_000 }).toEqual(['suspended']);
    halt();
    restoreAnswers();
    const tombstones = (await committedRecords(bank.log, bank.changelog)).filter(({ value }) => value === null);
    if (guarantee === 'exactly_once') expect(tombstones).toEqual([]);
    else expect(tombstones.length).toBeLessThanOrEqual(1000);
  });

  it('leave nothing of a state that "reset" does not make again', async () => {
    const options = await stopped();
    bank.broker.expireOffsets('bank');
    for (const place of await bank.log.admin.endOffsets(inputPartitions(), 'read_uncommitted'))
      await bank.log.admin.deleteRecords([place]);
    const second = await bank.start({ ...options, onOffsetsLost: 'reset' });
    expect(await storeContent(second)).toEqual(new Map());
    await second.close();
    const left = new Map((await committedRecords(bank.log, bank.changelog)).map(({ key, value }) => [key, value]));
    expect(new Set(left.values())).toEqual(new Set([null]));
  });

  it('beyond the end of a source topic that was created again stop the start as well', async () => {
    const options = await stopped();
    const committed = await bank.log.admin.committedOffsets('bank', inputPartitions());
    const restoreOffsets = bank.broker.intercept(async (_role, api, _request, next) => {
      const answer = await next();
      if (api !== 'offsetFetch') return answer;
      // The embedded broker deletes the offsets of a deleted topic at once; Kafka does so some time later.
      const { topics } = answer as ResponseOf<'offsetFetch'>;
      const kept = topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((each) => ({ ...each, offset: committed[each.partition]!.offset })),
      }));
      return { ...answer, topics: kept } as Awaited<ReturnType<typeof next>>;
    });
    await recreateInput();
    expect(await failureOf(options)).toMatchObject({ code: 'STREAMS_OFFSETS_LOST' });
    restoreOffsets();
  });

  it('beyond the end of a source topic that is created again under a running instance stop it', async () => {
    const options = await stopped();
    const second = bank.instance(options);
    await second.start();
    await second.whenRunning();
    await recreateInput();
    await expect.poll(() => second.state, { timeout: 10_000 }).toBe('failed');
    expect(second.failure).toMatchObject({ code: 'STREAMS_OFFSETS_LOST' });
  });

  it('were never there for a changelog of another application, which is left as it is', async () => {
    await stopped();
    const records = await committedRecords(bank.log, bank.changelog);
    // The same topic belongs to "bank" with "balances" and to whichever application finds it under its own name.
    bank.broker.expireOffsets('bank');
    const stranger = { stateDir: bank.folder(), processingGuarantee: guarantee };
    expect(await failureOf(stranger)).toMatchObject({ code: 'STREAMS_OFFSETS_LOST' });
    expect(await committedRecords(bank.log, bank.changelog)).toEqual(records);
  });

  it('are no concern of a first start that died before its first commit', async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const { instance, halt } = bank.doomed({ processingGuarantee: guarantee });
    // Changes are appended, and the offsets are never committed.
    let appended = 0;
    const intercepted = bank.broker.intercept(async (role, api, _request, next) => {
      if (api === 'produce' && role.includes('commit')) appended++;
      if (api === 'endTxn' || api === 'txnOffsetCommit') return new Promise(() => {});
      if (api === 'offsetCommit' && appended > 0) return new Promise(() => {});
      return next();
    });
    await instance.start();
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    const changelogs = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: bank.changelog, partition }));
    await expect
      .poll(
        async () => (await bank.log.admin.endOffsets(changelogs, 'read_uncommitted')).every(({ offset }) => offset > 0),
        {
          timeout: 5000,
        },
      )
      .toBe(true);
    halt();
    intercepted();
    const second = await bank.start({ processingGuarantee: guarantee });
    await expect
      .poll(async () => [...(await storeContent(second)).keys()].sort(), { timeout: 15_000 })
      .toEqual([...model(before).keys()].sort());
    if (guarantee === 'exactly_once')
      await expect.poll(() => storeContent(second), { timeout: 5000 }).toEqual(model(before));
  });
});
