import { afterEach, expect, it } from 'vitest';
import type { RestoreProgress } from '../../libs/streams/src/topology/processor.js';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank | undefined;
afterEach(async () => {
  await bank?.close();
  bank = undefined;
});

it('restores no faster than restore.maxBytesPerSecond, and completely', async () => {
  bank = await EmbeddedBank.open();
  const input = transactions(2000, 1000);
  const first = await bank.start({ engine: 'memory' });
  await produce(bank.log, bank.topics.input, bank.partitions, input);
  await expect.poll(() => storeContent(first), { timeout: 10_000 }).toEqual(model(input));
  await first.close();

  const restored = new Map<string, number>();
  const startedAt = performance.now();
  const second = await bank.start({
    engine: 'memory',
    restore: { fetchMaxBytes: '4KB', maxBytesPerSecond: '20KB' },
    lifecycle: {
      onRestoreProgress: ({ taskId, restoredBytes }: RestoreProgress) => void restored.set(taskId, restoredBytes),
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;

  const bytes = [...restored.values()].reduce((sum, each) => sum + each, 0);
  expect(bytes).toBeGreaterThan(30 * 1024);
  // The last chunk is not waited for; timers may fire a moment early.
  expect((bytes - 6 * 1024) / seconds).toBeLessThan(20 * 1024);
  expect(await storeContent(second)).toEqual(model(input));
});
