import { expect, it } from 'vitest';
import type { Log, TopicPartition } from '../../log/log.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { TENURE } from '../commit/testing/fake-commits.js';
import { StartPositions, type StartPositionsOptions } from './start-positions.js';
import type { Task } from './task.js';

/** Where a task with state begins in the topics `a` and `b`, and what is said about it. */
async function begin(committed: Readonly<Record<string, number>>): Promise<{ starts: number[]; warnings: string[] }> {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const starts: number[] = [];
  const all = (offsets: Readonly<Record<string, number>>) => async (partitions: readonly TopicPartition[]) =>
    partitions.map((each) => ({ ...each, offset: offsets[each.topic]! }));
  const admin = { beginningOffsets: all({ a: 3, b: 3 }), endOffsets: all({ a: 9, b: 9 }) };
  const positions = new StartPositions({
    groupId: 'app',
    policy: 'fail',
    log: { admin } as unknown as Log,
    member: () => ({ committed: all(committed), commit: async () => undefined }) as never,
    restorer: {} as StartPositionsOptions['restorer'],
    begun: { has: () => false, add: () => undefined } as unknown as StartPositionsOptions['begun'],
    reset: {} as StartPositionsOptions['reset'],
    clock,
    logger: { ...silentLogger, warn: (text) => void warnings.push(text) },
    metrics: noMetrics,
  });
  const sourcePartitions = ['a', 'b'].map((topic) => ({ topic, partition: 0 }));
  const queues = sourcePartitions.map(() => ({ source: {}, reset: (offset: number) => void starts.push(offset) }));
  const stores = { all: [{ definition: { name: 's' }, store: { position: 4 } }] };
  const task = { id: '0_0', sourcePartitions, records: { queues }, stores } as unknown as Task;
  await clock.run(positions.find(task, TENURE, new AbortController().signal));
  return { starts, warnings };
}

it('a source without an offset beside others is read from its beginning, and named', async () => {
  const { starts, warnings } = await begin({ a: 7, b: -1 });
  expect(starts).toEqual([7, 3]);
  expect(warnings).toEqual([expect.stringContaining('none of "b" partition 0: reading that from its beginning')]);
});

it('nothing is said where every source has its offset', async () => {
  expect(await begin({ a: 7, b: 9 })).toEqual({ starts: [7, 9], warnings: [] });
});
