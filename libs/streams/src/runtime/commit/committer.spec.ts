import { describe, expect, it } from 'vitest';
import type { GroupMember } from '../../log/group-member.js';
import type { LogProducer } from '../../log/log-producer.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { delay } from '../../time/clock.js';
import { Courtesy } from '../courtesy.js';
import type { OutputTopics } from '../records/output-topics.js';
import type { Task } from '../task/task.js';
import type { CommitStrategy } from './commit-strategy.js';
import { Committer } from './committer.js';

describe('the committer', () => {
  const clock = new ManualClock();
  const taskWith = (hasProgress: boolean): Task =>
    ({
      records: { hasProgress, queues: [] },
      stores: { dirtyBytes: 0, prepare: async () => [] },
      flush: async () => undefined,
    }) as unknown as Task;
  /** A task with changes. */
  const taskThatPrepares = (prepare: () => Promise<[]>): Task =>
    ({
      records: { hasProgress: true, queues: [] },
      stores: { dirtyBytes: 1, prepare },
      flush: async () => undefined,
    }) as unknown as Task;
  const committerThatTakes = (ms: number): Committer => committerThat(() => delay(clock, ms));
  const committerThat = (complete: () => Promise<void>): Committer =>
    new Committer({
      strategy: { producer: {} as LogProducer, complete } as unknown as CommitStrategy,
      outputTopics: { reconsider: () => undefined } as unknown as OutputTopics,
      member: () => ({}) as GroupMember,
      clock,
      courtesy: new Courtesy(5, clock),
      metrics: noMetrics,
    });

  it('says when the last commit ended and how long it took, also while the next one is under way', async () => {
    const committer = committerThatTakes(250);
    expect(committer.tookMs).toBe(0);
    await clock.run(committer.commit([taskWith(true)]));
    const endedAt = clock.monotonic();
    expect(committer).toMatchObject({ endedAt, tookMs: 250 });
    await clock.advance(40);
    await committer.begin([taskWith(true)]);
    await clock.advance(100);
    expect(committer).toMatchObject({ isBusy: true, busyMs: 100, endedAt, tookMs: 250 });
    await clock.run(committer.settle());
    expect(committer).toMatchObject({ isBusy: false, busyMs: 0, endedAt: endedAt + 290, tookMs: 250 });
  });

  it('takes a commit of nothing for none', async () => {
    const committer = committerThatTakes(250);
    await committer.commit([taskWith(false)]);
    expect(committer).toMatchObject({ endedAt: -Infinity, tookMs: 0 });
  });

  it('counts a commit from its first changes on, which readers of the log may see while the others are appended', async () => {
    const committer = committerThatTakes(50);
    const task = taskThatPrepares(() => delay(clock, 100).then(() => []));
    const begun = committer.begin([task, task]);
    await clock.advance(150);
    expect(committer).toMatchObject({ isBusy: false, busyMs: 150 });
    await clock.run(begun);
    await clock.advance(20);
    expect(committer).toMatchObject({ isBusy: true, busyMs: 220 });
    await clock.run(committer.settle());
    expect(committer).toMatchObject({ isBusy: false, busyMs: 0, tookMs: 250 });
  });

  it('does not count a commit for ever whose changes could not be appended', async () => {
    const committer = committerThatTakes(50);
    const task = taskThatPrepares(() => Promise.reject(new Error('The serde refuses the value.')));
    await expect(committer.begin([task])).rejects.toThrow('The serde refuses');
    expect(committer).toMatchObject({ isBusy: false, busyMs: 0, tookMs: 0 });
  });
});
