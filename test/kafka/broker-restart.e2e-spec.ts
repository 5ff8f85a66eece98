import type { StreamsLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { describe, expect, inject, it } from 'vitest';
import { latest, model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';
import { onCrashingBroker } from './crashing-broker.js';

const RECOVERY = { timeout: 30_000 };
const BATCHES = 40;
const BATCH = 50;

/** What the instance said, for whoever has to find out why it did not come back. */
function keeping(lines: string[]): StreamsLogger {
  const keep = (message: string): void => void lines.push(`${new Date().toISOString()} ${message}`);
  return { debug: keep, info: keep, warn: keep, error: keep };
}

describe.skipIf(inject('kafkaUnavailable'))(
  'a broker that is killed and started again while records are processed',
  () => {
    for (const processingGuarantee of ['exactly_once', 'at_least_once'] as const) {
      it(`costs nothing but time (${processingGuarantee})`, { timeout: 300_000 }, () =>
        onCrashingBroker(async (broker, defer) => {
          const bank = await KafkaBank.open(broker.brokers);
          defer(() => bank.close());
          const input = transactions(BATCHES * BATCH, 40);
          // Longer than a broker is away: an ongoing transaction then goes on where it was.
          const said: string[] = [];
          const instance = await bank.start({ processingGuarantee, transactionTimeout: '60s', logger: keeping(said) });
          defer(async () => {
            if (instance.failure === undefined && instance.state === 'stopped') return;
            process.stderr.write(`${instance.state}: ${JSON.stringify(instance.tasks())}\n${said.join('\n')}\n`);
          });
          const producing = (async () => {
            for (let i = 0; i < BATCHES; i++) {
              await produce(bank.log, bank.topics.input, PARTITIONS, input.slice(i * BATCH, (i + 1) * BATCH));
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          })();
          for (let restarts = 0; restarts < 2; restarts++) {
            const before = (await storeContent(instance)).get('acc-0')?.count ?? 0;
            await expect
              .poll(async () => (await storeContent(instance)).get('acc-0')?.count ?? 0, RECOVERY)
              .toBeGreaterThan(before);
            await broker.restart();
          }
          await producing;
          await expect.poll(() => storeContent(instance), RECOVERY).toEqual(model(input));
          expect(instance.state).toBe('running');
          await instance.close();

          expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
          const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
            ({ value }) => (JSON.parse(value!) as { id: string }).id,
          );
          const seen = processingGuarantee === 'exactly_once' ? outputs : [...new Set(outputs)];
          expect(seen.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
        }),
      );
    }
  },
);
