import { afterEach, expect, it } from 'vitest';
import type { InstanceParts } from '../../libs/streams/src/runtime/instance/instance-parts.js';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank | undefined;
afterEach(async () => {
  await bank?.close();
  bank = undefined;
});

it('moves no task after a fenced commit, although ready standbys would take all of them', async () => {
  bank = await EmbeddedBank.open();
  const input = transactions(600, 30);
  const assigned: string[] = [];
  const options = {
    engine: 'memory',
    acceptableRecoveryLag: 20,
    commitInterval: 20,
    group: { sessionTimeout: 4000, heartbeatInterval: 100 },
  };
  const info = (text: string): void => void (text.startsWith('Assigned') && assigned.push(text));
  const first = await bank.start({
    ...options,
    instanceId: 'first',
    logger: { debug() {}, info, warn() {}, error() {} },
  });
  const second = await bank.start({ ...options, instanceId: 'second' });
  await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 400));
  const settled = (): unknown =>
    [first, second].map((each) => [each.tasks(), each.standbys()].map((all) => all.length));
  await expect.poll(settled, { timeout: 10_000 }).toEqual([
    [2, 2],
    [2, 2],
  ]);
  const content = async (): Promise<Map<string, unknown>> =>
    new Map([...(await storeContent(first)), ...(await storeContent(second))]);
  await expect.poll(content, { timeout: 10_000 }).toEqual(model(input.slice(0, 400)));
  const ready = (of: object): number => (of as unknown as { parts: InstanceParts }).parts.tasks.ready.length;
  await expect.poll(() => [ready(first), ready(second)], { timeout: 10_000 }).toEqual([4, 4]);
  const owned = first.tasks().map(({ taskId }) => taskId);

  const before = assigned.length;
  const { broker } = bank;
  let isFenced = false;
  broker.intercept(async (role, api, request, next) => {
    if (api === 'endTxn' && !isFenced && (request as { transactionalId: string }).transactionalId === 'bank-first') {
      isFenced = true;
      const taken = { transactionalId: 'bank-first', transactionTimeoutMs: 10_000, producerId: -1, producerEpoch: -1 };
      await broker.handle(`double of ${role}`, 'initProducerId', taken);
    }
    return next();
  });
  await produce(bank.log, bank.topics.input, bank.partitions, input.slice(400));
  await expect.poll(content, { timeout: 20_000 }).toEqual(model(input));
  await expect.poll(() => assigned.length, { timeout: 10_000 }).toBeGreaterThan(before);
  expect(isFenced).toBe(true);
  for (const text of assigned.slice(before)) expect(text).toContain(`Assigned 2 tasks: ${owned.join(', ')};`);
}, 60_000);
