import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { LATEST_COMMITTED, type PartitionReads } from '../reads/partition-reads.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { storeDefinition } from '../testing/fake-runtime.js';
import { PageCursors } from './page-cursor.js';
import { SharedCounts } from './shared-counts.js';
import { StoreScans, type StreamQuery } from './store-scans.js';

/** What a stream asks one of 4 partitions for, of which each holds 10,000 entries, until `taken` have come. */
async function askedFor(query: StreamQuery, taken: number): Promise<number[]> {
  const limits: number[] = [];
  const freshness = { position: 1, role: 'active', lag: 0, stalenessMs: 0, instanceId: 'a', epoch: 1 } as const;
  const reads: Partial<PartitionReads> = {
    scan: async ({ partition }, { range, limit }) => {
      if (partition === 0) limits.push(limit);
      const from = range.gte === undefined ? 0 : Number.parseInt(Buffer.from(range.gte).toString(), 10) + 1;
      const keys = Array.from({ length: Math.min(limit, 10_000 - from) }, (_, n) =>
        Buffer.from(String(from + n).padStart(6, '0')),
      );
      const lookedAt = keys.length < limit ? {} : { lookedAt: keys.at(-1)! };
      return { keys, values: keys.map(() => Buffer.from('1')), ...lookedAt, freshness: { partition, ...freshness } };
    },
  };
  const definition = storeDefinition('s', stringSerde, json<number>());
  const counts = new SharedCounts(reads as PartitionReads, new ManualClock());
  const scans = new StoreScans(reads as PartitionReads, new PageCursors(), counts);
  const target = { definition, partitionCount: 4, boundsOf: () => LATEST_COMMITTED };
  const { batches } = await scans.stream(target, query);
  let count = 0;
  for await (const batch of batches) if ((count += batch.length) >= taken) break;
  return limits;
}

describe('a stream', () => {
  it('reads ahead in large parts where all is wanted', async () => {
    expect((await askedFor({}, 1)).slice(0, 2)).toEqual([2000, 2000]);
  });

  it('reads little where little is wanted, and more at a time the longer it has to look', async () => {
    expect(await askedFor({ limit: 50 }, 1)).toEqual([26]);
    expect((await askedFor({ limit: 50 }, 30_000)).slice(0, 8)).toEqual([26, 52, 104, 208, 416, 832, 1664, 2000]);
  });
});
