import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { StreamsLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { AppProcess } from '../support/built-app.js';
import { model, produce, RestoreCounts, storeContent, temporaryFolder, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';

describe.skipIf(inject('kafkaUnavailable'))('what can be wrong at a start', () => {
  const releases: (() => Promise<unknown>)[] = [];
  const brokers = (): string => inject('kafkaBrokers')!;
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });
  const open = async (): Promise<KafkaBank> => {
    const bank = await KafkaBank.open(brokers());
    releases.push(() => bank.close());
    return bank;
  };
  const launch = async (options: { brokers: string; stateDir: string }): Promise<AppProcess> => {
    const app = await AppProcess.start({ ...options, instanceId: 'one', env: { APPLICATION_ID: 'faults' } });
    releases.push(() => app.kill());
    return app;
  };

  it('a topic that does not exist is named, and the next start with it succeeds', async () => {
    const bank = await open();
    await bank.log.admin.deleteTopics([bank.topics.output]);
    await expect
      .poll(async () => (await bank.log.admin.describeTopics([bank.topics.output])).size, { timeout: 20_000 })
      .toBe(0);
    await expect(bank.instance().start()).rejects.toMatchObject({
      code: 'STREAMS_TOPIC_MISSING',
      topics: [bank.topics.output],
    });
    await bank.log.admin.createTopics([{ name: bank.topics.output, partitions: PARTITIONS }]);
    expect((await bank.start()).state).toBe('running');
  });

  it('a changelog with another partition count or policy is refused, with the commands that repair it', async () => {
    const bank = await open();
    await bank.log.admin.createTopics([
      { name: bank.changelog, partitions: PARTITIONS - 1, config: { 'cleanup.policy': 'compact' } },
    ]);
    await expect(bank.instance().start()).rejects.toMatchObject({
      code: 'STREAMS_CHANGELOG_MISMATCH',
      message: expect.stringContaining(`--delete --topic ${bank.changelog}`) as string,
    });
    const other = await open();
    await other.log.admin.createTopics([
      { name: other.changelog, partitions: PARTITIONS, config: { 'cleanup.policy': 'delete' } },
    ]);
    await expect(other.instance().start()).rejects.toMatchObject({
      code: 'STREAMS_CHANGELOG_MISMATCH',
      message: expect.stringContaining('cleanup.policy=compact') as string,
    });
  });

  it('a state directory that another process holds is refused, naming that process', async () => {
    const stateDir = temporaryFolder();
    const first = await launch({ brokers: brokers(), stateDir });
    await expect.poll(() => first.runningTasks(), { timeout: 30_000 }).toBe(4);
    const second = await launch({ brokers: brokers(), stateDir });
    expect(await second.exited()).not.toBe(0);
    expect(second.output).toMatch(/The state directory \S+ is used by process \d+ on \S+\. Stop it first/);
    expect(await first.runningTasks()).toBe(4);
    await first.kill('SIGTERM');
    const third = await launch({ brokers: brokers(), stateDir });
    await expect.poll(() => third.runningTasks(), { timeout: 30_000 }).toBe(4);
  });

  it('a broker that cannot be reached ends the start with its address', async () => {
    const app = await launch({ brokers: '127.0.0.1:1', stateDir: temporaryFolder() });
    expect(await app.exited()).not.toBe(0);
    expect(app.output).toContain('The log cannot be reached');
    expect(app.output).toContain('127.0.0.1:1');
  });

  it('a damaged store is wiped and restored, and only that one', async () => {
    const bank = await open();
    const input = transactions(400, 40);
    await produce(bank.log, bank.topics.input, PARTITIONS, input);
    const first = await bank.start();
    await expect.poll(() => storeContent(first)).toEqual(model(input));
    await first.close();
    const store = join(bank.stateDir, bank.topics.applicationId, '0_1', 'rocksdb', 'balances');
    for (const file of readdirSync(store))
      if (/CURRENT|MANIFEST/.test(file)) writeFileSync(join(store, file), 'damage');
    const errors: string[] = [];
    const logger: StreamsLogger = { debug() {}, info() {}, warn() {}, error: (message) => errors.push(message) };
    const counts = new RestoreCounts();
    const second = await bank.start({ logger, lifecycle: counts });
    expect(await storeContent(second)).toEqual(model(input));
    expect(errors).toEqual([expect.stringMatching(/Store "balances" of task 0_1 is damaged/)]);
    const changes = (await committedRecords(bank.log, bank.changelog)).filter(({ partition }) => partition === 1);
    expect(counts.total).toBe(changes.length);
  });
});

describe.skipIf(inject('kafkaUnavailable'))('a record that cannot be handled', () => {
  const banks: KafkaBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<KafkaBank> => {
    const bank = await KafkaBank.open(inject('kafkaBrokers')!);
    banks.push(bank);
    return bank;
  };
  const poison = async (bank: KafkaBank): Promise<void> => {
    const producer = bank.log.openProducer({ role: 'test' });
    producer.append(bank.topics.input, 0, Buffer.from('poison'), Buffer.from('{no json'), Date.now());
    await producer.flush();
    await producer.close();
  };
  const good = transactions(40, 8);
  const bad = (transaction: { id: string }): void => {
    if (transaction.id === 't7') throw new Error('t7 is not to my taste');
  };
  const withoutBad = model(good.filter(({ id }) => id !== 't7'));

  it('stops the instance by default, commits nothing of it, and is met again', async () => {
    const bank = await open();
    await poison(bank);
    for (let start = 0; start < 2; start++) {
      const instance = bank.instance();
      await instance.start();
      await expect.poll(() => instance.state, { timeout: 20_000 }).toBe('failed');
      expect(instance.failure).toMatchObject({ code: 'STREAMS_DESERIALIZATION_FAILED', offset: 0, partition: 0 });
      const [committed] = await bank.log.admin.committedOffsets(bank.topics.applicationId, [
        { topic: bank.topics.input, partition: 0 },
      ]);
      // Where the task begins is committed before anything else, so that an offset that is missing later was lost.
      expect(committed.offset).toBe(0);
      await instance.close();
    }
  });

  it('is skipped by the policy continue', async () => {
    const bank = await open();
    await poison(bank);
    await produce(bank.log, bank.topics.input, PARTITIONS, good);
    const instance = await bank.start({
      errors: { deserialization: 'continue', processing: 'continue' },
      before: bad,
    });
    await expect.poll(() => storeContent(instance)).toEqual(withoutBad);
  });

  it('goes to the dead-letter topic with its bytes and its context, once', async () => {
    const bank = await open();
    const deadLetterTopic = `${bank.topics.applicationId}-dead`;
    await bank.log.admin.createTopics([{ name: deadLetterTopic, partitions: 1 }]);
    await poison(bank);
    await produce(bank.log, bank.topics.input, PARTITIONS, good);
    const errors = { deserialization: 'deadLetter', processing: 'deadLetter', deadLetterTopic } as const;
    const instance = await bank.start({ errors, before: bad });
    await expect.poll(() => storeContent(instance)).toEqual(withoutBad);
    await instance.close();
    const letters = await committedRecords(bank.log, deadLetterTopic);
    expect(letters.map(({ key, value }) => [key, value]).toSorted()).toEqual(
      [
        ['acc-7', JSON.stringify(good[7])],
        ['poison', '{no json'],
      ].toSorted(),
    );
  });
});
