import { afterEach, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import { produce, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank;
afterEach(() => bank.close());

it.each(['can be reached', 'is gone'])(
  'an instance that lost its membership stops after its handler has ended, while the log %s',
  async (broker) => {
    bank = await EmbeddedBank.open(1);
    const seen: string[] = [];
    let endHandler: () => void = () => undefined;
    const { instance } = bank.doomed({
      engine: 'memory',
      group: { sessionTimeout: 1000, heartbeatInterval: 100 },
      lifecycle: { onTaskClose: () => void seen.push('closed') },
      before: async () => {
        seen.push('begins');
        await new Promise<void>((resolve) => (endHandler = resolve));
        seen.push('ends');
      },
    });
    await instance.start();
    await instance.whenRunning();
    await produce(bank.log, bank.topics.input, bank.partitions, transactions(1, 1));
    await expect.poll(() => seen, { timeout: 5000 }).toEqual(['begins']);
    let isRefused = false;
    const restore = bank.broker.intercept(async (role, api, _request, next) => {
      if (!role.startsWith('doomed/')) return next();
      if (api === 'heartbeat') {
        isRefused = true;
        return { error: KafkaErrorCode.UNKNOWN_MEMBER_ID } as Awaited<ReturnType<typeof next>>;
      }
      if (api === 'joinGroup' || (isRefused && broker === 'is gone'))
        throw new LogError('retriable', 'LOG_CONNECTION', 'The connection is gone.');
      return next();
    });
    await expect.poll(() => isRefused, { timeout: 5000 }).toBe(true);
    const stopped = instance.close();
    for (let turn = 0; turn < 2000; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['begins']);
    endHandler();
    await stopped;
    expect(seen).toEqual(['begins', 'ends', 'closed']);
    restore();
  },
  20_000,
);
