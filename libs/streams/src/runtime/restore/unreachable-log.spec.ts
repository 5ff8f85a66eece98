import { describe, expect, it } from 'vitest';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { ByteRate } from './byte-rate.js';
import { Restorer } from './restorer.js';
import { StandbyFollower } from './standby-follower.js';
import { FakeChangelog, taskWithStore, undisturbed } from './testing/fake-changelog.js';

const LONG_MS = 60_000;

describe.each(['beginningOffsets', 'endOffsets', 'assign'] as const)('while no broker answers %s', (call) => {
  async function world() {
    const clock = new ManualClock();
    const changelog = new FakeChangelog(clock);
    changelog.commit();
    changelog.fail(call);
    const failures: unknown[] = [];
    const options = {
      log: changelog.log,
      ...undisturbed,
      config: { fetchMaxBytes: 1 << 20, maxBytesPerSecond: Infinity, progressIntervalMs: 10_000 },
      rate: new ByteRate(Infinity, clock),
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      metrics: noMetrics,
      acceptableRecoveryLag: 0,
      onReady: () => undefined,
      onFailure: (error: unknown) => failures.push(error),
    };
    return { clock, changelog, options, failures, ...(await taskWithStore()) };
  }

  it('a restore waits, and ends once one does', async () => {
    const { clock, changelog, options, task, store } = await world();
    const restorer = new Restorer(options);
    let isSettled = false;
    const restored = restorer.restore(task, new AbortController().signal);
    const settled = restored.finally(() => (isSettled = true));
    settled.catch(() => undefined);
    await clock.advance(LONG_MS);
    expect(isSettled).toBe(false);
    changelog.recover();
    changelog.deliver();
    await clock.run(settled);
    expect(await store.view.get(Buffer.from('k'))).toEqual(Buffer.from('1'));
    await clock.run(restorer.close());
  });

  it('a restore ends with its signal', async () => {
    const { clock, options, task } = await world();
    const restorer = new Restorer(options);
    const taken = new AbortController();
    const restored = restorer.restore(task, taken.signal).catch((error: unknown) => error);
    await clock.advance(LONG_MS);
    const reason = new Error('The task was taken back.');
    taken.abort(reason);
    expect(await clock.run(restored)).toBe(reason);
    await clock.run(restorer.close());
  });

  it('a standby waits, and follows once one does', async () => {
    const { clock, changelog, options, task, store, failures } = await world();
    const follower = new StandbyFollower(options);
    follower.follow(task);
    await clock.advance(LONG_MS);
    expect(failures).toEqual([]);
    changelog.recover();
    changelog.deliver();
    await clock.advance(1000);
    expect(failures).toEqual([]);
    expect(await store.view.get(Buffer.from('k'))).toEqual(Buffer.from('1'));
    await clock.run(follower.close());
  });

  it('a standby that is followed no longer waits for nothing', async () => {
    const { clock, options, task, failures } = await world();
    const follower = new StandbyFollower(options);
    follower.follow(task);
    await clock.advance(LONG_MS);
    await clock.run(follower.unfollow(task));
    await clock.run(follower.close());
    expect(failures).toEqual([]);
  });
});
