import { describe, expect, inject, it } from 'vitest';
import { nextOf } from '../../libs/streams/src/log/conformance/conformance-world.js';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { createTcpWire } from '../../libs/streams/src/log/tcp/tcp-wire.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import type { KafkaBroker } from './broker.js';
import { onCrashingBroker } from './crashing-broker.js';
import { brokerUnavailable } from './kafka-jars.js';

const unavailable = inject('kafkaUnavailable') ?? (await brokerUnavailable());

describe.skipIf(unavailable)('a broker that is killed and started again', () => {
  const clock = new SystemClock();
  const logs: Record<string, (broker: KafkaBroker) => Log> = {
    kafkajs: (broker) => createKafkaLog({ brokers: [broker.brokers] }, { clock }),
    tcp: (broker) =>
      new WireLog({
        kind: 'kafka',
        clock,
        wires: (role) => createTcpWire({ brokers: [broker.brokers], clientId: role, clock }),
      }),
  };

  for (const [name, open] of Object.entries(logs)) {
    it(`${name}: loses and doubles nothing, plain and transactional`, { timeout: 500_000 }, () =>
      onCrashingBroker(async (broker, defer) => {
        const log = open(broker);
        defer(() => log.close());
        const topic = `restart-${name}`;
        await log.admin.createTopics([{ name: topic, partitions: 2 }]);
        const plain = log.openProducer({ role: 'plain' });
        const transactional = log.openTransactionalProducer({
          role: 'tx',
          transactionalId: `restart-${name}`,
          transactionTimeoutMs: 60_000,
        });
        await transactional.init();
        const reader = log.openReader({ role: 'read', isolation: 'read_committed' });
        await reader.assign([0, 1].map((partition) => ({ topic, partition, offset: 0 })));

        let isStopping = false;
        const produced = [0, 0];
        const producing = (async () => {
          while (!isStopping) {
            // A restarted broker forgets producers whose last batch is older than a day by its timestamps, and with them which batch is a repetition.
            const now = Date.now();
            for (let i = 0; i < 50; i++) plain.append(topic, 0, null, Buffer.from(String(produced[0]!++)), now);
            for (let i = 0; i < 20; i++) transactional.append(topic, 1, null, Buffer.from(String(produced[1]!++)), now);
            await Promise.all([plain.flush(), transactional.commit()]);
          }
        })();
        await expect.poll(() => produced[1]).toBeGreaterThan(100);
        await broker.restart();
        const before = [...produced];
        await expect
          .poll(() => produced[0]! > before[0]! + 200 && produced[1]! > before[1]! + 100, { timeout: 60_000 })
          .toBe(true);
        isStopping = true;
        await producing;

        const read: string[][] = [[], []];
        const offsets: number[][] = [[], []];
        while (read[0]!.length < produced[0]! || read[1]!.length < produced[1]!) {
          const { chunk } = await nextOf(reader);
          for (let i = 0; i < chunk.count; i++) {
            read[chunk.partition]!.push(chunk.value(i)!.toString());
            offsets[chunk.partition]!.push(chunk.offsets[i]!);
          }
        }
        for (const partition of [0, 1]) {
          expect(new Set(offsets[partition]).size, 'an offset was delivered twice').toBe(offsets[partition]!.length);
          expect(read[partition]).toEqual(Array.from({ length: produced[partition]! }, (_, i) => String(i)));
        }
      }),
    );
  }
});
