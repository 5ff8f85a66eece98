import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { RecordProducer } from '../../libs/streams/src/nest/record-producer.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankModule, Events } from '../support/bank-app.js';
import { temporaryFolder } from '../support/bank.js';

describe.skipIf(inject('kafkaUnavailable'))('a Nest app on a real broker', () => {
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  it('handles records, keeps state and answers queries', async () => {
    const brokers = inject('kafkaBrokers')!.split(',');
    const name = `nest-${Math.random().toString(36).slice(2, 8)}`;
    const topics = { input: `${name}-in`, output: `${name}-out` };
    const log = createKafkaLog({ brokers }, { clock: new SystemClock() });
    await log.connect();
    releases.push(() => log.close());
    await log.admin.createTopics(Object.values(topics).map((topic) => ({ name: topic, partitions: 2 })));
    const { module } = bankModule({ applicationId: name, kafka: { brokers }, stateDir: temporaryFolder() }, topics);
    const app = (await Test.createTestingModule({ imports: [module] }).compile()).createNestApplication(
      new FastifyAdapter(),
    );
    releases.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const producer = app.get(RecordProducer);
    for (let i = 0; i < 10; i++)
      await producer.send(topics.input, { key: 'acc-1', value: { id: `t${i}`, accountId: 'acc-1', amount: 5 } });
    const url = await app.getUrl();
    await expect
      .poll(async () => (await fetch(`${url}/stores/balances/entries/acc-1`)).json(), { timeout: 20_000 })
      .toEqual({ balance: 50, count: 10 });
    expect(app.get(Events, { strict: false }).seen).toContain('init 0_0 one store');
    expect(await (await fetch(`${url}/stores/balances/entries`)).json()).toEqual({
      items: [{ key: 'acc-1', value: { balance: 50, count: 10 } }],
    });
  });
});
