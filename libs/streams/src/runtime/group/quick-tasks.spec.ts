import { describe, expect, it } from 'vitest';
import type { LogAdmin } from '../../log/log-admin.js';
import type { PartitionOffset, TopicPartition } from '../../log/log.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { Topology } from '../../topology/topology.js';
import { QuickTasks } from './quick-tasks.js';

const LIMIT_MS = 1000;

describe('the leader, which looks at changelogs before it assigns', () => {
  const topology = {
    subTopologies: [{ id: 0, stores: [{ name: 'balances', changelog: { isEnabled: true } }] }],
  } as unknown as Topology;

  function leader(): {
    readonly clock: ManualClock;
    readonly quick: QuickTasks;
    answer: (sizes: readonly number[]) => void;
    readonly asked: () => number;
  } {
    const clock = new ManualClock();
    let asked = 0;
    const state = { clock, answer: (() => undefined) as (sizes: readonly number[]) => void, asked: () => asked };
    const endOffsets = (partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> =>
      new Promise((resolve) => {
        asked++;
        state.answer = (sizes) => resolve(partitions.map((each, i) => ({ ...each, offset: sizes[i]! })));
      });
    const quick = new QuickTasks({
      admin: { endOffsets } as unknown as LogAdmin,
      topology,
      taskCounts: new Map([[0, 2]]),
      applicationId: 'bank',
      acceptableRecoveryLag: 100,
      limitMs: LIMIT_MS,
      clock,
    });
    return Object.assign(state, { quick });
  }

  it('takes no task for quick while nothing is known', async () => {
    const world = leader();
    const look = world.quick.look();
    await world.clock.advance(LIMIT_MS);
    expect((await look)('0_0')).toBe(false);
  });

  it('waits no longer than the limit for a changelog without a leader, and takes what was known before', async () => {
    const world = leader();
    const first = world.quick.look();
    await world.clock.settle();
    world.answer([100, 101]);
    const known = await world.clock.run(first);
    expect([known('0_0'), known('0_1')]).toEqual([true, false]);
    let isOver = false;
    const second = world.quick.look().finally(() => (isOver = true));
    await world.clock.advance(LIMIT_MS - 1);
    expect(isOver).toBe(false);
    await world.clock.advance(1);
    const before = await second;
    expect([before('0_0'), before('0_1')]).toEqual([true, false]);
    // The late answer serves the next rebalance, without a second request.
    const third = world.quick.look();
    world.answer([200, 3]);
    const after = await world.clock.run(third);
    expect([after('0_0'), after('0_1')]).toEqual([false, true]);
    expect(world.asked()).toBe(2);
  });
});
