import { afterEach, describe, expect, it } from 'vitest';
import { processEnvironment, resolveConfig } from '../../libs/streams/src/config/resolve-config.js';
import { KafkaErrorCode as E } from '../../libs/streams/src/log/protocol/error-codes.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { ResponseOf } from '../../libs/streams/src/log/protocol/messages.js';
import { noMetrics } from '../../libs/streams/src/observability/streams-metrics.js';
import { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { loadInstanceFile } from '../../libs/streams/src/runtime/state-directory/instance-file.js';
import type { Serde } from '../../libs/streams/src/serdes/serde.js';
import { stringSerde } from '../../libs/streams/src/serdes/text-serdes.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import type { ProcessorContext } from '../../libs/streams/src/topology/processor.js';
import { TopologyBuilder } from '../../libs/streams/src/topology/topology-builder.js';
import { produce, quiet, storeContent, temporaryFolder, transactions, type Transaction } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { refusal } from '../support/refusal.js';

const PARTITIONS = 2;

/** An account whose transactions come to that partition. */
function accountOf(partition: number): string {
  for (let n = 0; ; n++) if (partitionForKey(Buffer.from(`acc-${n}`), PARTITIONS) === partition) return `acc-${n}`;
}

function transactionsOf(accountId: string, count: number, from: number): Transaction[] {
  return transactions(count, 1, from).map((each) => ({ ...each, accountId }));
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** An instance without stores, whose commits are far apart. */
function passing({ topics, broker }: EmbeddedBank, handle: () => void, errors: string[]): StreamsInstance {
  const clock = new SystemClock();
  const serde = stringSerde as Serde<unknown>;
  const process = ({ value }: ProcessorContext): unknown => {
    handle();
    return value;
  };
  const topology = new TopologyBuilder()
    .addSource({ name: 'source', topic: topics.input, key: serde, value: serde })
    .addProcessor({
      name: 'pass',
      parents: ['source'],
      stores: [],
      prefetch: [],
      supplier: { create: () => ({ process }) },
    })
    .addSink({ name: 'sink', parents: ['pass'], topic: topics.output, key: serde, value: serde })
    .build({ applicationId: topics.applicationId });
  const config = resolveConfig(
    { applicationId: topics.applicationId, stateDir: temporaryFolder(), commitInterval: 5000 },
    processEnvironment((stateDir, applicationId) => loadInstanceFile(stateDir, applicationId).generatedInstanceId),
  );
  return new StreamsInstance({
    config,
    topology,
    log: new WireLog({ kind: 'embedded', wires: broker.wires, clock }),
    engines: new Map(),
    clock,
    logger: { ...quiet, error: (message) => void errors.push(message) },
    metrics: noMetrics,
  });
}

describe('records that are deleted before they were processed', () => {
  let bank: EmbeddedBank | undefined;
  afterEach(async () => {
    bank?.broker.intercept(async (_role, _api, _request, next) => next());
    await bank?.close();
    bank = undefined;
  });
  const outputsOf = async ({ log, topics }: EmbeddedBank, account: string): Promise<number> =>
    (await committedRecords(log, topics.output)).filter(({ key }) => key === account).length;

  it('are skipped once, also where a recovery comes between the look and the skip', async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const { log, topics, broker } = bank;
    const options = { stateDir: bank.folder(), engine: 'memory' };
    const [a, b] = [accountOf(0), accountOf(1)];
    const first = await bank.start(options);
    await produce(log, topics.input, PARTITIONS, transactionsOf(a, 10, 0));
    await expect.poll(async () => (await storeContent(first)).get(a)?.count, { timeout: 5000 }).toBe(10);
    await first.close();
    await produce(log, topics.input, PARTITIONS, transactionsOf(a, 40, 10));
    await log.admin.deleteRecords([{ topic: topics.input, partition: 0, offset: 30 }]);

    let refused = 0;
    let held = 0;
    let isToFence = false;
    const looks = gate();
    broker.intercept(async (role, api, request, next) => {
      if (api === 'fetch' && role === 'source') {
        const answer = await next();
        const { topics: found } = answer as ResponseOf<'fetch'>;
        if (found.some(({ partitions }) => partitions.some(({ error }) => error === E.OFFSET_OUT_OF_RANGE))) refused++;
        return answer;
      }
      // The two look-ups of the first skip are answered late.
      if (api === 'listOffsets' && refused === 1 && held < 2) {
        held++;
        const answer = await next();
        await looks.opened;
        return answer;
      }
      if (api === 'endTxn' && isToFence) {
        isToFence = false;
        return refusal(request, E.PRODUCER_FENCED) as Awaited<ReturnType<typeof next>>;
      }
      return next();
    });
    const second = bank.instance(options);
    await second.start();
    await expect.poll(() => held, { timeout: 5000 }).toBe(2);
    isToFence = true;
    await produce(log, topics.input, PARTITIONS, transactionsOf(b, 1, 100));
    await expect.poll(() => refused, { timeout: 5000 }).toBe(2);
    await expect.poll(async () => (await storeContent(second)).get(a)?.count, { timeout: 5000 }).toBe(30);
    looks.open();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await produce(log, topics.input, PARTITIONS, transactionsOf(a, 1, 200));
    await expect.poll(async () => (await storeContent(second)).get(a)?.count, { timeout: 5000 }).toBe(31);
    await second.close();
    expect(await outputsOf(bank, a)).toBe(31);
  });

  it('take nothing with them that was handled before and is not committed yet', async () => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const { log, topics, broker } = bank;
    const a = accountOf(0);
    let handled = 0;
    const errors: string[] = [];
    // The fetch behind the first records is sent once others were deleted.
    let isArmed = false;
    const fetches = gate();
    broker.intercept(async (role, api, _request, next) => {
      if (role !== 'source' || api !== 'fetch') return next();
      if (isArmed) await fetches.opened;
      const answer = await next();
      const { topics: found } = answer as ResponseOf<'fetch'>;
      isArmed ||= found.some(({ partitions }) => partitions.some(({ records }) => records.length > 0));
      return answer;
    });
    const instance = passing(bank, () => void handled++, errors);
    await instance.start();
    await instance.whenRunning();
    await produce(log, topics.input, PARTITIONS, transactionsOf(a, 5, 0));
    await expect.poll(() => handled, { timeout: 3000, interval: 1 }).toBe(5);
    await produce(log, topics.input, PARTITIONS, transactionsOf(a, 5, 5));
    await log.admin.deleteRecords([{ topic: topics.input, partition: 0, offset: 10 }]);
    fetches.open();
    await expect.poll(() => errors, { timeout: 3000 }).toHaveLength(1);
    expect(errors[0]).toContain('no longer holds offsets 5 to 9');
    await instance.close();
    expect(await outputsOf(bank, a)).toBe(5);
    const [committed] = await log.admin.committedOffsets('bank', [{ topic: topics.input, partition: 0 }]);
    expect(committed!.offset).toBe(10);
  });
});
