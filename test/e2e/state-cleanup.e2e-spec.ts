import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const CLEANUP_MS = 200;

let bank: EmbeddedBank | undefined;
afterEach(async () => {
  await bank?.close();
  bank = undefined;
});

it('keeps the folder of a task while that is being closed, and deletes it when the delay has passed', async () => {
  bank = await EmbeddedBank.open();
  const stateDir = bank.folder();
  const fileOf = (taskId: string): string => join(stateDir, 'bank', taskId, 'rocksdb', 'balances', 'CURRENT');
  const wasThere = new Map<string, boolean>();
  const first = await bank.start({
    stateDir,
    stateCleanupDelay: CLEANUP_MS,
    standbyReplicas: 0,
    lifecycle: {
      onTaskClose: async ({ taskId }) => {
        // The store is open all the while.
        await new Promise((resolve) => setTimeout(resolve, 3 * CLEANUP_MS));
        wasThere.set(taskId, existsSync(fileOf(taskId)));
      },
    },
  });
  const input = transactions(400, 40);
  await produce(bank.log, bank.topics.input, bank.partitions, input);
  await expect.poll(() => storeContent(first), { timeout: 5000 }).toEqual(model(input));
  await bank.start({ standbyReplicas: 0 });
  await expect.poll(() => wasThere.size, { timeout: 20_000 }).toBe(2);
  expect([...wasThere.values()]).toEqual([true, true]);
  const moved = [...wasThere.keys()];
  await expect.poll(() => moved.filter((taskId) => existsSync(fileOf(taskId))), { timeout: 5000 }).toEqual([]);
});
