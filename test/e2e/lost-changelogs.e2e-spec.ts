import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const PARTITIONS = 2;
const before = transactions(60, 8);

describe('a changelog that local state was written with', () => {
  let bank: EmbeddedBank;
  afterEach(() => bank.close());

  const running = async (options: BankOptions): Promise<StreamsInstance> => {
    const instance = await bank.start(options);
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    await expect.poll(() => storeContent(instance), { timeout: 5000 }).toEqual(model(before));
    return instance;
  };
  const failureOf = (options: BankOptions): Promise<unknown> =>
    bank
      .instance(options)
      .start()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
  const recreate = async (): Promise<void> => {
    await bank.log.admin.deleteTopics([bank.changelog]);
    const config = { 'cleanup.policy': 'compact', 'retention.ms': '-1' };
    await bank.log.admin.createTopics([{ name: bank.changelog, partitions: PARTITIONS, config }]);
  };

  it.each(['rocksdb', 'memory'])(
    'stops the start when it has vanished, and is not created again (%s)',
    async (engine) => {
      bank = await EmbeddedBank.open(PARTITIONS);
      const options = { stateDir: bank.folder(), engine };
      await (await running(options)).close();
      await bank.log.admin.deleteTopics([bank.changelog]);
      for (const attempt of [1, 2]) {
        const failure = await failureOf(options);
        expect(failure, `attempt ${attempt}`).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST', reason: 'missing' });
        expect(String(failure)).toContain(`--topic ${bank.changelog}`);
      }
      expect(await bank.log.admin.describeTopics([bank.changelog])).toEqual(new Map());
      if (engine === 'rocksdb')
        expect(existsSync(join(options.stateDir, 'bank', '0_0', engine, 'balances'))).toBe(true);
    },
  );

  it('stops the start when another topic has its name, also one that has grown beyond the old position', async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const options = { stateDir: bank.folder() };
    await (await running(options)).close();
    await recreate();
    const other = bank.log.openProducer({ role: 'test' });
    for (let partition = 0; partition < PARTITIONS; partition++)
      for (let i = 0; i < 500; i++)
        other.append(bank.changelog, partition, Buffer.from(`phantom-${i}`), Buffer.from('{}'), Date.now());
    await other.flush();
    await other.close();
    expect(await failureOf(options)).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST', reason: 'recreated' });
    // An instance without state of the old topic takes the new one as it is.
    const fresh = await bank.start({ stateDir: bank.folder() });
    expect((await storeContent(fresh)).has('phantom-0')).toBe(true);
  });

  it('stops a running instance when it vanishes', { timeout: 60_000 }, async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const instance = await running({ stateDir: bank.folder() });
    await bank.log.admin.deleteTopics([bank.changelog]);
    await expect.poll(() => instance.failure, { timeout: 30_000 }).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST' });
  });

  it('stops a running instance when it is created again', { timeout: 60_000 }, async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const options = { stateDir: bank.folder() };
    const instance = await running(options);
    await recreate();
    await expect.poll(() => instance.failure, { timeout: 30_000 }).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST' });
    await instance.close();
    expect(await failureOf(options)).toMatchObject({ code: 'STREAMS_CHANGELOG_LOST', reason: 'recreated' });
  });
});
