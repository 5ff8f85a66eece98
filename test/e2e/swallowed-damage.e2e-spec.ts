import { afterEach, expect, it } from 'vitest';
import { StoreCorruptedError } from '../../libs/streams/src/errors/store-corrupted-error.js';
import { memoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import type { KeyValueStore } from '../../libs/streams/src/stores/key-value/key-value-store.js';
import type { StoreEngineFactory } from '../../libs/streams/src/stores/store-engine.js';
import { model, produce, quiet, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank;
afterEach(() => bank.close());

/** A memory engine that finds damage at one of its next reads of several keys, which only handlers and prefetches do. */
function fragileEngine(): { readonly factory: StoreEngineFactory; breakAfter(reads: number): void } {
  const memory = memoryEngine();
  let readsLeft = Infinity;
  const factory: StoreEngineFactory = {
    ...memory,
    create: (context) => {
      const engine = memory.create(context);
      const getMany = engine.getMany.bind(engine);
      engine.getMany = async (keys) => {
        if (--readsLeft !== 0) return getMany(keys);
        throw new StoreCorruptedError(context.storeName, context.taskId, 'the test damaged it');
      };
      return engine;
    },
  };
  return { factory, breakAfter: (reads) => void (readsLeft = reads) };
}

it.each(['exactly_once', 'at_least_once'] as const)(
  'commits nothing that a handler made of a damaged store, %s',
  async (processingGuarantee) => {
    bank = await EmbeddedBank.open(1);
    const { factory, breakAfter } = fragileEngine();
    const errors: string[] = [];
    const instance = await bank.start({
      processingGuarantee,
      engine: 'memory',
      engines: [factory],
      // Nothing is cached, so that each record reads the engine.
      memory: { cacheMaxBytes: 0 },
      swallowsReadErrors: true,
      logger: { ...quiet, error: (message) => void errors.push(message) },
    });
    const input = transactions(200, 10);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 100));
    await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input.slice(0, 100)));
    breakAfter(1);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(100));
    await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input));
    expect(errors).toEqual([expect.stringContaining('Store "balances" of task 0_0 is damaged')]);
    const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );
    if (processingGuarantee === 'exactly_once') expect(outputs).toEqual(input.map(({ id }) => id));
  },
);

it.each(['swallows', 'throws'])(
  'restores a store that onRestored finds damaged, if the hook %s the error',
  async (way) => {
    bank = await EmbeddedBank.open(1);
    const { factory, breakAfter } = fragileEngine();
    const errors: string[] = [];
    breakAfter(1);
    const instance = await bank.start({
      engine: 'memory',
      engines: [factory],
      logger: { ...quiet, error: (message) => void errors.push(message) },
      lifecycle: {
        onRestored: async (task) => {
          const read = (task.store('balances') as KeyValueStore<string, unknown>).get('acc-1');
          await (way === 'throws' ? read : Promise.resolve(read).catch(() => undefined));
        },
      },
    });
    const input = transactions(20, 4);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input));
    expect(errors).toEqual([expect.stringContaining('Store "balances" of task 0_0 is damaged')]);
  },
);
