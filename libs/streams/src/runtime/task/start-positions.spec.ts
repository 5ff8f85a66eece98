import { describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import type { GroupIdentity, GroupMember, OffsetCommitOptions } from '../../log/group-member.js';
import type { Log, PartitionOffset, TopicPartition } from '../../log/log.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { tenureOf } from '../commit/testing/fake-commits.js';
import type { Restorer } from '../restore/restorer.js';
import { BegunSources, type SourcesByTask } from './begun-sources.js';
import type { ChangelogReset } from './changelog-reset.js';
import { StartPositions } from './start-positions.js';
import type { Task } from './task.js';

/** A group on a broker whose commits wait until the test lets them pass. */
class FakeGroup {
  readonly offsets = new Map<number, number>();
  readonly sent: PartitionOffset[][] = [];
  generationId = 1;
  readonly waiting: (() => void)[] = [];

  readonly member = {
    committed: async (partitions: readonly TopicPartition[]) =>
      partitions.map((each) => ({
        ...each,
        offset: each.topic === 'in' ? (this.offsets.get(each.partition) ?? -1) : -1,
      })),
    commit: async (offsets: readonly PartitionOffset[], as: GroupIdentity, options?: OffsetCommitOptions) => {
      await new Promise<void>((resolve) => void this.waiting.push(resolve));
      if (as.generationId !== this.generationId && options?.onlyThisGeneration === true)
        throw new LogError('migrated', 'LOG_ILLEGAL_GENERATION', 'The generation is over.');
      this.sent.push([...offsets]);
      for (const { partition, offset } of offsets) this.offsets.set(partition, offset);
    },
    renewed: async (refused: GroupIdentity) => ({ ...refused, generationId: this.generationId }),
    requestRejoin: () => undefined,
  } as unknown as GroupMember;

  pass(): void {
    this.waiting.shift()?.();
  }
}

type FakeTask = Task & { readonly startsAt: () => number | undefined };

/** A task with a store, which has never written anything unless it has a position, and some sources. */
function newTask(partition: number, position?: number, topics: readonly string[] = ['in']): FakeTask {
  let startsAt: number | undefined;
  return {
    id: `0_${partition}`,
    sourcePartitions: topics.map((topic) => ({ topic, partition })),
    stores: { all: [{ definition: { name: 'balances' }, store: { position } }] },
    records: {
      queues: topics.map((topic) => ({
        topic,
        source: {},
        end: 0,
        reset: (offset: number) => void (startsAt = offset),
      })),
    },
    startsAt: () => startsAt,
  } as unknown as FakeTask;
}

const NEVER = new AbortController().signal;

describe('the first offsets of tasks', () => {
  const world = (file: { begunSources: SourcesByTask } = { begunSources: {} }) => {
    const clock = new ManualClock();
    const warnings: string[] = [];
    const keepBegunSources = (sources: SourcesByTask): void => void (file.begunSources = sources);
    const begun = new BegunSources({ ...file, keepBegunSources }, clock);
    const group = new FakeGroup();
    const at = (offset: number) => async (partitions: readonly TopicPartition[]) =>
      partitions.map((each) => ({ ...each, offset }));
    const positions = new StartPositions({
      groupId: 'bank',
      policy: 'fail',
      log: { admin: { beginningOffsets: at(0), endOffsets: at(100) } } as unknown as Log,
      member: () => group.member,
      restorer: {} as Restorer,
      begun,
      reset: {} as ChangelogReset,
      clock,
      logger: { ...silentLogger, warn: (text) => void warnings.push(text) },
      metrics: noMetrics,
    });
    return { clock, group, positions, warnings };
  };

  it('are not committed for a task that was given back while they waited for another commit', async () => {
    const { clock, group, positions } = world();
    const tenure = tenureOf();
    const stays = new AbortController();
    const goes = new AbortController();
    const first = positions.find(newTask(0), tenure, stays.signal);
    await clock.settle();
    const second = positions.find(newTask(1), tenure, goes.signal);
    const third = positions.find(newTask(2), tenure, stays.signal);
    await clock.settle();
    goes.abort(new Error('given back'));
    await expect(second).rejects.toThrow('given back');
    group.pass();
    await clock.run(first);
    await clock.settle();
    group.pass();
    await clock.run(third);
    expect(group.sent.flat().map(({ partition }) => partition)).toEqual([0, 2]);
  });

  it('are found again in a later generation, where another owner may have committed its own', async () => {
    const { clock, group, positions } = world();
    const task = newTask(0);
    const found = positions.find(task, tenureOf(), new AbortController().signal);
    await clock.settle();
    group.generationId = 3;
    group.offsets.set(0, 42);
    group.pass();
    await clock.settle();
    group.pass();
    await clock.run(found);
    expect(task.startsAt()).toBe(42);
    expect(group.offsets.get(0)).toBe(42);
  });

  it('are lost for a source that has had one before, although another source of the task still has its own', async () => {
    const file = { begunSources: {} };
    const first = world(file);
    const started = first.positions.find(newTask(0, undefined, ['in', 'rates']), tenureOf(), NEVER);
    await first.clock.settle();
    first.group.pass();
    await first.clock.run(started);
    await first.clock.advance(1000);
    expect(file).toEqual({ begunSources: { '0_0': ['in', 'rates'] } });

    const second = world(file);
    second.group.offsets.set(0, 5);
    await expect(second.positions.find(newTask(0, 7, ['in', 'rates']), tenureOf(), NEVER)).rejects.toMatchObject({
      code: 'STREAMS_OFFSETS_LOST',
      lost: [{ topic: 'rates', partition: 0, committed: -1 }],
    });
  });

  it('are named in a warning for a source that is new to a task with state', async () => {
    const { clock, group, positions, warnings } = world({ begunSources: { '0_0': ['in'] } });
    group.offsets.set(0, 5);
    const started = positions.find(newTask(0, 7, ['in', 'rates']), tenureOf(), NEVER);
    await clock.settle();
    group.pass();
    await clock.run(started);
    expect(group.sent).toEqual([[{ topic: 'rates', partition: 0, offset: 0 }]]);
    expect(warnings).toEqual([expect.stringContaining('none of "rates" partition 0: reading that from its beginning')]);
  });
});
