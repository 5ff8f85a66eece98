import { afterEach, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank;
afterEach(() => bank.close());

it.each(['after', 'before'] as const)(
  'a store without changelog counts everything once where its producer is fenced right %s the end of a transaction',
  async (moment) => {
    bank = await EmbeddedBank.open(2);
    const input = transactions(200, 10);
    const instance = await bank.start({
      isUnlogged: true,
      instanceId: 'first',
      commitInterval: 20,
      group: { sessionTimeout: 4000, heartbeatInterval: 100 },
    });
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 100));
    await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(input.slice(0, 100)));
    const { broker } = bank;
    const takeOver = (): Promise<unknown> => {
      const taken = { transactionalId: 'bank-first', transactionTimeoutMs: 10_000, producerId: -1, producerEpoch: -1 };
      return broker.handle('double', 'initProducerId', taken);
    };
    let isFenced = false;
    broker.intercept(async (role, api, request, next) => {
      if (api !== 'endTxn' || isFenced || !(request as { commit: boolean }).commit) return next();
      isFenced = true;
      if (moment === 'after') await next();
      await takeOver();
      throw new LogError('retriable', 'LOG_CONNECTION', `The connection of ${role} is gone.`);
    });
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(100));
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    expect(isFenced).toBe(true);
  },
  30_000,
);
