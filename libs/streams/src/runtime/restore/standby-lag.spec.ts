import { expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { ByteRate } from './byte-rate.js';
import { undisturbed } from './testing/fake-changelog.js';
import { StandbyFollower } from './standby-follower.js';

it('a copy that is followed no longer has no lag, also where it was looked at meanwhile', async () => {
  const clock = new ManualClock();
  const gauges = new Map<string, number>();
  let answer: (() => void) | undefined;
  let looks = 0;
  const admin = {
    beginningOffsets: async (p: object[]) => p.map((each) => ({ ...each, offset: 0 })),
    endOffsets: async (p: object[]) => {
      if (++looks > 1) await new Promise<void>((resolve) => (answer = resolve));
      return p.map((each) => ({ ...each, offset: 5 }));
    },
  };
  const reader = {
    assign: async () => undefined,
    remove: () => undefined,
    take: () => undefined,
    ready: (ms: number) => new Promise<void>((resolve) => void clock.schedule(ms, resolve)),
    close: async () => undefined,
  };
  const follower = new StandbyFollower({
    log: { admin, openReader: () => reader } as never,
    ...undisturbed,
    config: { fetchMaxBytes: 1024 } as never,
    rate: new ByteRate(Infinity, clock),
    acceptableRecoveryLag: 0,
    clock,
    logger: silentLogger,
    metrics: {
      ...noMetrics,
      set: (name: string, labels: object, value: number) => void gauges.set(name + JSON.stringify(labels), value),
      remove: (name: string, labels: object) => void gauges.delete(name + JSON.stringify(labels)),
    } as never,
    onReady: () => undefined,
    onFailure: () => undefined,
  });
  const store = { position: 0, discard: () => undefined, restore: async () => undefined };
  const of = { definition: { name: 'balances' }, store, changelog: 'changelog' };
  const task = { id: '0_0', partition: 0, stores: { all: [of], get: () => of } } as never;
  follower.follow(task);
  await clock.advance(500);
  expect(answer).toBeDefined();
  await clock.run(follower.unfollow(task));
  answer!();
  await clock.advance(1);
  const left = [...gauges];
  const closed = follower.close();
  await clock.advance(1000);
  await closed;
  expect(left).toEqual([]);
});
