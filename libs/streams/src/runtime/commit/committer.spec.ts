import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { delay } from '../../time/clock.js';
import { EngineFailure } from '../engine-failure.js';
import type { Task } from '../task/task.js';
import type { Committer } from './committer.js';
import { changedTask, committerThat, tenureOf, TENURE } from './testing/fake-commits.js';

describe('the committer', () => {
  const clock = new ManualClock();
  const unchangedTask = {
    tenure: TENURE,
    engineFailure: new EngineFailure(),
    records: { hasProgress: false, queues: [] },
    stores: { dirtyBytes: 0 },
    flush: async () => undefined,
  } as unknown as Task;
  const committerThatTakes = (ms: number): Committer => committerThat(clock, () => delay(clock, ms));

  it('says when the last commit ended and how long it took, also while the next one is under way', async () => {
    const committer = committerThatTakes(250);
    expect(committer.tookMs).toBe(0);
    await clock.run(committer.commit([changedTask()], TENURE));
    const endedAt = clock.monotonic();
    expect(committer).toMatchObject({ endedAt, tookMs: 250 });
    await clock.advance(40);
    await committer.begin([changedTask()], TENURE);
    await clock.advance(100);
    expect(committer).toMatchObject({ isBusy: true, busyMs: 100, endedAt, tookMs: 250 });
    await clock.run(committer.settle());
    expect(committer).toMatchObject({ isBusy: false, busyMs: 0, endedAt: endedAt + 290, tookMs: 250 });
  });

  it('takes a commit of nothing for none', async () => {
    const committer = committerThatTakes(250);
    await committer.commit([unchangedTask], TENURE);
    expect(committer).toMatchObject({ endedAt: -Infinity, tookMs: 0 });
  });

  it('counts a commit from its first changes on, which readers of the log may see while the others are appended', async () => {
    const committer = committerThatTakes(50);
    const task = changedTask(() => delay(clock, 100).then(() => []));
    const begun = committer.begin([task, task], TENURE);
    await clock.advance(150);
    expect(committer).toMatchObject({ isBusy: false, busyMs: 150 });
    await clock.run(begun);
    await clock.advance(20);
    expect(committer).toMatchObject({ isBusy: true, busyMs: 220 });
    await clock.run(committer.settle());
    expect(committer).toMatchObject({ isBusy: false, busyMs: 0, tookMs: 250 });
  });

  it('counts a commit that failed until the stores are known to restore, since the log may have its changes', async () => {
    let fails = true;
    const committer = committerThat(clock, async () => {
      await delay(clock, 50);
      if (fails) throw new Error('The outcome is not known.');
    });
    await committer.begin([changedTask()], TENURE);
    await clock.advance(200);
    expect(committer).toMatchObject({ isBusy: false, busyMs: 200, tookMs: 50 });
    await expect(committer.settle()).rejects.toThrow('The outcome is not known.');
    fails = false;
    await clock.run(committer.commit([changedTask()], TENURE));
    await clock.advance(100);
    expect(committer).toMatchObject({ isBusy: false, busyMs: 350 });
    committer.endDoubt();
    expect(committer.busyMs).toBe(0);
  });

  it('counts a commit that failed while changes were appended as well, beside one that is under way', async () => {
    const committer = committerThatTakes(50);
    const fails = changedTask(() => Promise.reject(new Error('The serde refuses the value.')));
    await expect(committer.begin([changedTask(), fails], TENURE)).rejects.toThrow('The serde refuses');
    await clock.advance(100);
    expect(committer).toMatchObject({ isBusy: false, busyMs: 100, endedAt: -Infinity, tookMs: 0 });
    await committer.begin([changedTask()], TENURE);
    await clock.advance(20);
    expect(committer).toMatchObject({ isBusy: true, busyMs: 120 });
    committer.endDoubt();
    expect(committer).toMatchObject({ isBusy: true, busyMs: 20 });
    await clock.run(committer.settle());
    expect(committer.busyMs).toBe(0);
  });

  it('is in no doubt after a commit that failed before its first change', async () => {
    const committer = committerThatTakes(50);
    const task = changedTask(undefined, () => Promise.reject(new Error('The hook failed.')));
    await expect(committer.begin([task], TENURE)).rejects.toThrow('The hook failed.');
    await clock.advance(100);
    expect(committer.busyMs).toBe(0);
  });

  describe('without the tenure in which the work was done', () => {
    const refused = { kind: 'migrated', code: 'LOG_NOT_A_MEMBER' };
    const counted = (): { readonly committer: Committer; completions: number } => {
      const counts = { committer: committerThat(clock, async () => void counts.completions++), completions: 0 };
      return counts;
    };

    it('commits nothing once it has ended, nor under the next one', async () => {
      const counts = counted();
      const before = tenureOf();
      const task = Object.assign(changedTask(), { tenure: before });
      before.end();
      await expect(counts.committer.begin([task], before)).rejects.toMatchObject(refused);
      await expect(counts.committer.begin([task], tenureOf('next'))).rejects.toMatchObject(refused);
      expect(counts.completions).toBe(0);
    });

    it('completes no commit whose tenure ends while it is prepared', async () => {
      const counts = counted();
      const tenure = tenureOf();
      const ends = changedTask(async () => {
        tenure.end();
        return [];
      });
      const task = Object.assign(ends, { tenure });
      await expect(counts.committer.begin([task], tenure)).rejects.toMatchObject(refused);
      expect(counts.completions).toBe(0);
    });
  });
});
