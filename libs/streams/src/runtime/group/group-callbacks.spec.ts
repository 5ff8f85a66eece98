import { describe, expect, it } from 'vitest';
import type { GroupIdentity, GroupListener } from '../../log/group-member.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { delay } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';
import { encodeAssignment } from '../assignment/user-data.js';
import type { Committer } from '../commit/committer.js';
import { changedTask, committerThat, TENURE } from '../commit/testing/fake-commits.js';
import { groupCallbacks, type GroupCallbacksOptions } from './group-callbacks.js';
import { GroupSeal } from './group-seal.js';
import { PartitionOwners } from './partition-owners.js';
import { Tenures } from './tenures.js';

const IDENTITY = { generationId: 1 } as GroupIdentity;
const RECOVER_MS = 300;

/** Tasks that all run, or all wait to. */
class FakeTasks {
  readonly all = [changedTask()];
  private areRunning = true;
  /** Of the committer, in each moment when the tasks restore. */
  readonly doubtsMs: number[] = [];

  constructor(private readonly committer: () => Committer) {}

  get active(): typeof this.all {
    return this.areRunning ? this.all : [];
  }

  async suspend(): Promise<void> {
    this.areRunning = false;
  }

  restart(): boolean {
    this.doubtsMs.push(this.committer().busyMs);
    return true;
  }

  get tenure(): typeof TENURE {
    return TENURE;
  }

  async assign(): Promise<void> {
    if (!this.areRunning) this.restart();
  }

  discard(): void {}
  async release(): Promise<void> {}
  async keepStandbys(): Promise<void> {}
}

describe('an owner whose last commit before a rebalance failed', () => {
  function group(): {
    readonly clock: ManualClock;
    readonly committer: Committer;
    readonly tasks: FakeTasks;
    readonly listener: GroupListener;
    assign(...ids: TaskId[]): Promise<void>;
  } {
    const clock = new ManualClock();
    const committer = committerThat(clock, async () => {
      await delay(clock, 100);
      throw new Error('The outcome is not known.');
    });
    const tasks = new FakeTasks(() => committer);
    const nothing = (): void => undefined;
    const listener = groupCallbacks({
      owners: new PartitionOwners('a'),
      seal: new GroupSeal({
        applicationId: 'app',
        instanceId: 'a',
        secret: undefined,
        clock,
        logger: { debug() {}, info() {}, warn() {}, error() {} },
      }),
      tenures: new Tenures(),
      tasks,
      loop: { exclusive: <T>(action: () => Promise<T>) => action() },
      committer,
      recovery: { dropUncommitted: () => committer.quiesce().then(() => delay(clock, RECOVER_MS)) },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      metrics: noMetrics,
      mayCommit: () => true,
      fence: async () => undefined,
      rejoin: nothing,
      probe: nothing,
      onRebalance: nothing,
    } as unknown as GroupCallbacksOptions);
    const assign = (...ids: TaskId[]): Promise<void> => {
      const data = {
        tasks: ids,
        standbys: [],
        isWarmingUp: false,
        neighbours: new Map(),
        followUp: false,
        departed: [],
        instances: undefined,
        members: 2,
        shutdownReason: undefined,
      };
      return clock.run(listener.onAssigned({ partitions: [], userData: encodeAssignment(data, undefined) }, IDENTITY));
    };
    return { clock, committer, tasks, listener, assign };
  }

  it('is unsure until the tasks that stay restore, if others go', async () => {
    const { committer, tasks, assign } = group();
    await assign('0_1');
    expect(tasks.doubtsMs[0]).toBe(100 + RECOVER_MS);
    expect(committer.busyMs).toBe(0);
  });

  it('is unsure until the next assignment, if all tasks were revoked', async () => {
    const { clock, committer, tasks, listener, assign } = group();
    await clock.run(listener.onRevoked([], { lost: false }));
    await clock.advance(1000);
    expect(committer.busyMs).toBe(1100 + RECOVER_MS);
    await assign('0_0');
    expect(tasks.doubtsMs).toEqual([1100 + RECOVER_MS]);
    expect(committer.busyMs).toBe(0);
  });

  it('stays unsure at an assignment that changes nothing, where the tasks still run', async () => {
    const { clock, committer, assign } = group();
    await committer.begin([changedTask()], TENURE);
    await clock.advance(200);
    await assign('0_0');
    expect(committer.busyMs).toBe(200);
    expect(committer.takeFailure()).toBeDefined();
  });
});
