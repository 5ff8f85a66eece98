import { afterEach, describe, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { StoreCorruptedError } from '../../libs/streams/src/errors/store-corrupted-error.js';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { memoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import type { StoreEngine, StoreEngineFactory } from '../../libs/streams/src/stores/store-engine.js';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const group = { sessionTimeout: 1000, heartbeatInterval: 100 };
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A memory engine whose next read by a query finds damage. */
function fragileEngine(): { readonly factory: StoreEngineFactory; break(): void } {
  const memory = memoryEngine();
  let isBroken = false;
  const factory: StoreEngineFactory = {
    ...memory,
    create: (context) => {
      const engine: StoreEngine = memory.create(context);
      const getMany = engine.getMany.bind(engine);
      engine.getMany = async (keys) => {
        if (!isBroken) return getMany(keys);
        isBroken = false;
        throw new StoreCorruptedError(context.storeName, context.taskId, 'the test damaged it');
      };
      return engine;
    },
  };
  return { factory, break: () => void (isBroken = true) };
}

/** Throws the instance out of its group, and lets it join again only once `readmit` was called. */
function expel(bank: EmbeddedBank, client: string): { readmit(): void } {
  const end = bank.broker.intercept(async (role, api, _request, next) => {
    if (!role.startsWith(`${client}/`)) return next();
    if (api === 'heartbeat') return { error: KafkaErrorCode.UNKNOWN_MEMBER_ID } as Awaited<ReturnType<typeof next>>;
    if (api === 'joinGroup') throw new LogError('retriable', 'LOG_CONNECTION', 'The connection is gone.');
    return next();
  });
  return { readmit: end };
}

describe.each(['exactly_once', 'at_least_once'] as const)(
  'an instance that is no member any more (%s)',
  (guarantee) => {
    let bank: EmbeddedBank | undefined;
    afterEach(async () => {
      await bank?.close();
      bank = undefined;
    });

    it('processes and commits nothing before it is a member again, whatever a query finds damaged in between', async () => {
      bank = await EmbeddedBank.open();
      const input = transactions(600, 30);
      const { factory, break: damage } = fragileEngine();
      const errors: string[] = [];
      let handled = 0;
      const options = { processingGuarantee: guarantee, engine: 'memory', group, commitInterval: 20 };
      const { instance } = bank.doomed({
        ...options,
        engines: [factory],
        before: () => void handled++,
        logger: { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) },
      });
      await instance.start();
      await instance.whenRunning();
      await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 300));
      await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input.slice(0, 300)));

      const expelled = expel(bank, 'doomed');
      const states = (of: StreamsInstance): string[] => of.tasks().map(({ state }) => state);
      await expect.poll(() => states(instance), { timeout: 10_000 }).toEqual(Array(4).fill('suspended'));
      const before = handled;
      damage();
      const view = instance.queryableStore('balances')!.local(0)!.view!;
      await expect(view.get(Buffer.from('acc-1'))).rejects.toThrow('the test damaged it');
      await expect.poll(() => errors, { timeout: 10_000 }).toEqual([expect.stringContaining('is damaged')]);
      await produce(bank.log, bank.topics.input, bank.partitions, input.slice(300));
      await turns(2000);
      expect(states(instance)).toEqual(Array(4).fill('suspended'));
      expect(handled).toBe(before);

      const heir = await bank.start(options);
      await expect.poll(() => storeContent(heir), { timeout: 10_000 }).toEqual(model(input));
      expect(handled).toBe(before);
      expelled.readmit();
      await expect.poll(() => states(instance).includes('running'), { timeout: 10_000 }).toBe(true);
      await instance.close();
      await expect.poll(() => storeContent(heir), { timeout: 10_000 }).toEqual(model(input));
      const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
        ({ value }) => (JSON.parse(value!) as { id: string }).id,
      );
      expect(outputs.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    }, 40_000);
  },
);
