import { afterEach, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { model, storeContent, transactions, type Transaction } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const PARTITIONS = 2;

describe.each(['exactly_once', 'at_least_once'] as const)(
  'input that was written in transactions (%s)',
  (guarantee) => {
    let bank: EmbeddedBank | undefined;
    afterEach(async () => {
      await bank?.close();
      bank = undefined;
    });

    it('is committed past the markers behind its last record, so that no lag is left', async () => {
      bank = await EmbeddedBank.open(PARTITIONS);
      const { input } = bank.topics;
      const producer = bank.log.openTransactionalProducer({
        role: 'test',
        transactionalId: 'upstream',
        transactionTimeoutMs: 10_000,
      });
      await producer.init();
      const write = (all: readonly Transaction[]): void => {
        for (const each of all) {
          const key = Buffer.from(each.accountId);
          producer.append(input, partitionForKey(key, PARTITIONS), key, Buffer.from(JSON.stringify(each)), 1);
        }
      };
      const committed = transactions(100, 10);
      write(committed);
      await producer.commit();
      if (guarantee === 'exactly_once') {
        write(transactions(50, 10, 100));
        await producer.flush();
        await producer.abort();
      }
      const instance = await bank.start({ engine: 'memory', processingGuarantee: guarantee, commitInterval: 10 });
      await expect.poll(() => storeContent(instance), { timeout: 10_000 }).toEqual(model(committed));
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: input, partition }));
      const ends = await bank.log.admin.endOffsets(partitions, 'read_uncommitted');
      await expect.poll(() => bank!.log.admin.committedOffsets('bank', partitions), { timeout: 10_000 }).toEqual(ends);
      expect(instance.sourceLag().map(({ lag }) => lag)).toEqual([0, 0]);
      await instance.close();
      await producer.close();
    });
  },
);
