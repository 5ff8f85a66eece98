import kafkajs from 'kafkajs';
import { describe, inject } from 'vitest';
import { guardIdleTimer } from '../../libs/streams/src/log/kafkajs/kafkajs-internals.js';
import { KafkaJsWire } from '../../libs/streams/src/log/kafkajs/kafkajs-wire.js';
import { describeLogConformance } from '../../libs/streams/src/log/log.conformance.js';
import { TcpWire } from '../../libs/streams/src/log/tcp/tcp-wire.js';

describe.skipIf(inject('kafkaUnavailable'))('a real broker', () => {
  const brokers = (): string[] => inject('kafkaBrokers')?.split(',') ?? [];

  describeLogConformance('tcp', async () => ({
    kind: 'kafka',
    wires: (role) => new TcpWire({ brokers: brokers(), clientId: `test-${role}` }),
    close: async () => {},
  }));

  describeLogConformance('kafkajs', async () => {
    guardIdleTimer();
    return {
      kind: 'kafka',
      wires: (role) =>
        new KafkaJsWire(
          new kafkajs.Kafka({
            brokers: brokers(),
            clientId: `test-${role}`,
            logLevel: 0,
            retry: { initialRetryTime: 50, maxRetryTime: 500 },
          }),
          30_000,
        ),
      close: async () => {},
    };
  });
});
