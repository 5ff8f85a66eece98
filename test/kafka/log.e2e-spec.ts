import { describe, inject } from 'vitest';
import { createKafkaJsWire } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { describeLogConformance } from '../../libs/streams/src/log/log.conformance.js';
import { createTcpWire } from '../../libs/streams/src/log/tcp/tcp-wire.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';

describe.skipIf(inject('kafkaUnavailable'))('a real broker', () => {
  const brokers = (): string[] => inject('kafkaBrokers')?.split(',') ?? [];
  const clock = new SystemClock();

  describeLogConformance('tcp', async () => ({
    kind: 'kafka',
    wires: (role) => createTcpWire({ brokers: brokers(), clientId: `test-${role}`, clock }),
    close: async () => {},
  }));

  describeLogConformance('kafkajs', async () => ({
    kind: 'kafka',
    wires: (role) => createKafkaJsWire({ brokers: brokers(), clientId: 'test' }, role, { clock }),
    close: async () => {},
  }));
});
