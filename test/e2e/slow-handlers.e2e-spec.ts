import { afterEach, describe, expect, it } from 'vitest';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

/** A handler that takes several times as long as the group waits for a member. */
const SLOW_MS = 4000;
const group = { sessionTimeout: 1000, heartbeatInterval: 100, rebalanceTimeout: 1000 };

describe.each(['exactly_once', 'at_least_once'] as const)('a handler slower than a rebalance (%s)', (guarantee) => {
  let bank: EmbeddedBank | undefined;
  afterEach(async () => {
    await bank?.close();
    bank = undefined;
  });

  it('costs its instance neither the membership nor the work, while another one joins', async () => {
    bank = await EmbeddedBank.open();
    const input = transactions(40, 10);
    const handled: string[] = [];
    let slow = new Promise<void>(() => undefined);
    let end = (): void => undefined;
    slow = new Promise((resolve) => (end = resolve));
    const warnings: string[] = [];
    const options = { processingGuarantee: guarantee, engine: 'memory', group, commitInterval: 20 };
    const first = await bank.start({
      ...options,
      before: ({ id }) => {
        handled.push(id);
        return id === 't7' ? slow : undefined;
      },
      logger: {
        debug() {},
        info: (text) => void warnings.push(text),
        warn: (text) => void warnings.push(text),
        error() {},
      },
    });
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    await expect.poll(() => handled.includes('t7'), { timeout: 10_000 }).toBe(true);
    const second = bank.instance(options);
    const joining = second.start();
    const startedAt = performance.now();
    await expect.poll(() => performance.now() - startedAt > SLOW_MS, { timeout: 10_000 }).toBe(true);
    expect(first.tasks()).toHaveLength(4);
    expect(first.membership().doubtMs).toBeLessThan(SLOW_MS);
    end();
    await joining;
    const running = (): number[] =>
      [first, second].map((each) => each.tasks().filter(({ state }) => state === 'running').length);
    await expect.poll(running, { timeout: 10_000 }).toEqual([2, 2]);
    const content = async (): Promise<Map<string, unknown>> =>
      new Map([...(await storeContent(first)), ...(await storeContent(second))]);
    await expect.poll(content, { timeout: 10_000 }).toEqual(model(input));
    const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );
    expect(outputs.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    expect(handled.filter((id) => id === 't7')).toEqual(['t7']);
    expect(warnings.filter((text) => text.startsWith('Lost'))).toEqual([]);
  }, 40_000);
});
