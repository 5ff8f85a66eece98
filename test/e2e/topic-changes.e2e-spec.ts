import { afterEach, describe, expect, it } from 'vitest';
import { processEnvironment, resolveConfig } from '../../libs/streams/src/config/resolve-config.js';
import { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { noMetrics } from '../../libs/streams/src/observability/streams-metrics.js';
import type { Serde } from '../../libs/streams/src/serdes/serde.js';
import { stringSerde } from '../../libs/streams/src/serdes/text-serdes.js';
import { memoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import type { ProcessorContext } from '../../libs/streams/src/topology/processor.js';
import { TopologyBuilder } from '../../libs/streams/src/topology/topology-builder.js';
import { produce, quiet, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const PARTITIONS = 2;
const options = { engine: 'memory', commitInterval: 5, metadataMaxAge: '1s' } as const;

/** Passes records on, without a store. */
function stateless(bank: EmbeddedBank, instanceId: string): StreamsInstance {
  const serde = stringSerde as Serde<unknown>;
  const topology = new TopologyBuilder()
    .addSource({ name: 'read', topic: bank.topics.input, key: serde, value: serde })
    .addProcessor({
      name: 'pass',
      parents: ['read'],
      stores: [],
      prefetch: [],
      supplier: { create: () => ({ process: (context: ProcessorContext) => context.value }) },
    })
    .addSink({ name: 'write', parents: ['pass'], topic: bank.topics.output, key: serde, value: serde })
    .build({ applicationId: 'bank' });
  const config = resolveConfig(
    {
      applicationId: 'bank',
      instanceId,
      stateDir: bank.folder(),
      commitInterval: 5,
      metadataMaxAge: '1s',
      group: { heartbeatInterval: 100 },
    },
    processEnvironment(() => instanceId),
  );
  return new StreamsInstance({
    config,
    topology,
    log: bank.openLog(),
    engines: new Map([['memory', memoryEngine()]]),
    clock: new SystemClock(),
    logger: quiet,
    metrics: noMetrics,
  });
}

describe('topics that change while an application runs', () => {
  const closes: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0).reverse()) await close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(PARTITIONS);
    closes.push(() => bank.close());
    return bank;
  };
  const failureOf = async (instance: StreamsInstance): Promise<unknown> => {
    await expect.poll(() => instance.failure, { timeout: 15_000 }).toBeDefined();
    return instance.failure;
  };

  it('new partitions of a source without stores are read, by all instances together', async () => {
    const bank = await open();
    const instances = ['a', 'b'].map((id) => stateless(bank, id));
    for (const instance of instances) {
      closes.push(() => instance.close());
      await instance.start();
    }
    bank.broker.addPartitions(bank.topics.input, 6);
    const input = transactions(60, 30);
    await produce(bank.log, bank.topics.input, 6, input);
    await expect
      .poll(async () => (await committedRecords(bank.log, bank.topics.output)).length, { timeout: 20_000 })
      .toBe(input.length);
    await expect
      .poll(() => instances.map((instance) => instance.tasks().length).sort(), { timeout: 15_000 })
      .toEqual([3, 3]);
  });

  it('new partitions of a source that stores are built from end the instance with the remedy', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    bank.broker.addPartitions(bank.topics.input, 4);
    expect(await failureOf(instance)).toMatchObject({
      code: 'STREAMS_TOPIC_CHANGED',
      change: { kind: 'grown', before: 2, after: 4, stores: ['balances'] },
    });
    expect(instance.state).toBe('failed');
  });

  it('new partitions of an output are written to', async () => {
    const bank = await open();
    await bank.start(options);
    bank.broker.addPartitions(bank.topics.output, 5);
    const used = async (): Promise<number> => {
      await produce(bank.log, bank.topics.input, PARTITIONS, transactions(40, 40));
      const records = await committedRecords(bank.log, bank.topics.output);
      return new Set(records.map(({ partition }) => partition)).size;
    };
    await expect.poll(used, { timeout: 15_000, interval: 200 }).toBe(5);
  });

  it.each(['input', 'output'] as const)('a deleted %s ends the instance with the remedy', async (which) => {
    const bank = await open();
    const instance = await bank.start(options);
    await bank.log.admin.deleteTopics([bank.topics[which]]);
    expect(await failureOf(instance)).toMatchObject({
      code: 'STREAMS_TOPIC_CHANGED',
      topic: bank.topics[which],
      change: { kind: 'deleted' },
    });
  });

  it('a source that was created again ends the instance', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await bank.log.admin.deleteTopics([bank.topics.input]);
    await bank.log.admin.createTopics([{ name: bank.topics.input, partitions: PARTITIONS }]);
    expect(await failureOf(instance)).toMatchObject({
      code: 'STREAMS_TOPIC_CHANGED',
      change: { kind: 'recreated' },
    });
  });
});
