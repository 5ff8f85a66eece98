import { rmSync } from 'node:fs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import {
  bankInstance,
  latest,
  model,
  produce,
  storeContent,
  temporaryFolder,
  transactions,
  type BankOptions,
  type BankTopics,
} from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';

const PARTITIONS = 4;

describe.skipIf(inject('kafkaUnavailable'))('an instance on a real broker', () => {
  const releases: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const openLog = (): Log => {
    const log = createKafkaLog({ brokers: inject('kafkaBrokers')!.split(',') }, { clock: new SystemClock() });
    releases.push(() => log.close());
    return log;
  };

  const bank = async (): Promise<BankTopics & { readonly log: Log }> => {
    const name = `bank-${Math.random().toString(36).slice(2, 8)}`;
    const topics = { applicationId: name, input: `${name}-in`, output: `${name}-out` };
    const log = openLog();
    await log.connect();
    await log.admin.createTopics(
      [topics.input, topics.output].map((topic) => ({ name: topic, partitions: PARTITIONS })),
    );
    return { ...topics, log };
  };

  const open = (topics: BankTopics, options: BankOptions = {}): StreamsInstance => {
    const instance = bankInstance(topics, openLog(), options);
    releases.push(() => instance.close());
    return instance;
  };

  for (const processingGuarantee of ['exactly_once', 'at_least_once'] as const) {
    for (const engine of ['rocksdb', 'memory'] as const) {
      it(`keeps state, changelog and outputs equal to the input (${processingGuarantee}, ${engine})`, async () => {
        const topics = await bank();
        const stateDir = temporaryFolder();
        releases.push(() => rmSync(stateDir, { recursive: true, force: true }));
        const input = transactions(2000, 50);
        await produce(topics.log, topics.input, PARTITIONS, input.slice(0, 1500));
        const first = open(topics, { processingGuarantee, engine, stateDir });
        await first.start();
        await first.whenRunning();
        await expect.poll(() => storeContent(first), { timeout: 20_000 }).toEqual(model(input.slice(0, 1500)));
        await first.close();

        await produce(topics.log, topics.input, PARTITIONS, input.slice(1500));
        const second = open(topics, { processingGuarantee, engine, stateDir });
        await second.start();
        await second.whenRunning();
        await expect.poll(() => storeContent(second), { timeout: 20_000 }).toEqual(model(input));
        await second.close();

        const changelog = await committedRecords(topics.log, `${topics.applicationId}-balances-changelog`);
        expect(latest(changelog)).toEqual(model(input));
        const outputs = await committedRecords(topics.log, topics.output);
        expect(outputs.map(({ value }) => (JSON.parse(value!) as { id: string }).id).sort()).toEqual(
          input.map(({ id }) => id).sort(),
        );
      });
    }
  }
});
