import kafkajs from 'kafkajs';
import { afterAll, expect, inject, it } from 'vitest';
import { KafkaBroker } from './broker.js';

const own: KafkaBroker[] = [];

afterAll(async () => {
  for (const broker of own) await broker.stop();
});

it.skipIf(inject('kafkaUnavailable'))('keeps its topics over kill -9 and a restart on the same port', async () => {
  const broker = await KafkaBroker.start();
  own.push(broker);
  const admin = new kafkajs.Kafka({ brokers: [broker.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 3 }], waitForLeaders: true });
  await admin.disconnect();

  await broker.kill();
  await broker.restart();

  const again = new kafkajs.Kafka({ brokers: [broker.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await again.connect();
  expect(await again.listTopics()).toContain('kept');
  await again.disconnect();
});
