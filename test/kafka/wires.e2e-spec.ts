import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaJsWire } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import { createTcpWire } from '../../libs/streams/src/log/tcp/tcp-wire.js';
import type { Wire } from '../../libs/streams/src/log/wire.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';

const clock = new SystemClock();
const wires: Record<string, (brokers: string[]) => Wire> = {
  kafkajs: (brokers) => createKafkaJsWire({ brokers }, 'test', { clock }),
  tcp: (brokers) => createTcpWire({ brokers, clientId: 'test', clock }),
};

describe.skipIf(inject('kafkaUnavailable'))('a wire to a real broker', () => {
  let wire: Wire | undefined;

  afterEach(async () => {
    await wire?.close();
    wire = undefined;
  });

  for (const [name, open] of Object.entries(wires)) {
    it(`${name}: creates, describes and deletes a topic, and knows its leaders`, async () => {
      const topic = `wire-${name}-${process.pid}`;
      wire = open(inject('kafkaBrokers')?.split(',') ?? []);
      await wire.connect();
      await wire.track([topic]);
      expect(wire.partitions(topic)).toEqual([]);
      expect(wire.leaderOf(topic, 0)).toBeUndefined();

      const created = await wire.send(wire.controller(), 'createTopics', {
        timeoutMs: 10_000,
        topics: [
          { name: topic, partitions: 2, replicationFactor: -1, config: [{ name: 'cleanup.policy', value: 'compact' }] },
        ],
      });
      expect(created.topics).toEqual([{ name: topic, error: 0, message: null }]);
      const again = await wire.send(wire.controller(), 'createTopics', {
        timeoutMs: 10_000,
        topics: [{ name: topic, partitions: 2, replicationFactor: -1, config: [] }],
      });
      expect(again.topics[0].error).toBe(KafkaErrorCode.TOPIC_ALREADY_EXISTS);

      await expect.poll(async () => (await wire?.refresh(), wire?.partitions(topic))).toEqual([0, 1]);
      const endOffset = async (): Promise<unknown> => {
        const request = { isolation: 0, topics: [{ topic, partitions: [{ partition: 1, timestamp: -1 }] }] } as const;
        const answer = await wire?.send(wire.leaderOf(topic, 1) ?? -1, 'listOffsets', request);
        return answer?.topics[0].partitions[0];
      };
      await expect.poll(endOffset).toMatchObject({ partition: 1, error: 0, offset: 0 });
      const configs = await wire.send(wire.anyNode(), 'describeConfigs', { topics: [topic] });
      expect(configs.topics[0].entries).toContainEqual({ name: 'cleanup.policy', value: 'compact' });
      const deleted = await wire.send(wire.controller(), 'deleteTopics', { timeoutMs: 10_000, names: [topic] });
      expect(deleted.topics).toEqual([{ name: topic, error: 0 }]);
      expect(await wire.coordinator(`group-${topic}`, 'group').catch((error: Error) => error)).toSatisfy(
        (found) => typeof found === 'number' || (found as { kind?: string }).kind === 'retriable',
      );
    });

    it(`${name}: rejects with a retriable error when nobody listens`, async () => {
      wire = open(['127.0.0.1:1']);
      await expect(wire.connect()).rejects.toMatchObject({ kind: 'retriable', code: 'LOG_CONNECTION' });
    });
  }
});
