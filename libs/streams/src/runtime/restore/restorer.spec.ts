import { expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { BatchBuilder } from '../../log/records/batch-builder.js';
import { decodeRecords } from '../../log/records/record-decoder.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { MemoryEngine } from '../../stores/engines/memory/memory-engine.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { Task } from '../task/task.js';
import { TaskStores } from '../task/task-stores.js';
import { ByteRate } from './byte-rate.js';
import { Restorer } from './restorer.js';
import { CHANGELOG, FakeChangelog, taskWithStore, undisturbed } from './testing/fake-changelog.js';

/** Its first write ends when it may. */
class HeldEngine extends MemoryEngine {
  isWriting = false;
  letWriteEnd!: () => void;
  private readonly mayEnd = new Promise<void>((resolve) => (this.letWriteEnd = resolve));

  override async write(...args: Parameters<MemoryEngine['write']>): Promise<void> {
    this.isWriting = true;
    await this.mayEnd;
    this.isWriting = false;
    return super.write(...args);
  }
}

it('a restore that fails because of one store settles when the engines of the others are left alone', async () => {
  const clock = new ManualClock();
  const changelog = new FakeChangelog(clock);
  changelog.commit();
  const engine = new HeldEngine();
  const slow = await taskWithStore(engine);
  const bad = await taskWithStore();
  const [slowStore] = slow.task.stores.all;
  const [badStore] = bad.task.stores.all;
  const definition = { ...badStore!.definition, name: 'bad' };
  const stores = new TaskStores([slowStore!, { ...badStore!, definition, changelog: 'other' }]);
  let failHook!: (error: Error) => void;
  const hook = new Promise<void>((_, reject) => (failHook = reject));
  const task = {
    id: '0_0',
    partition: CHANGELOG.partition,
    stores,
    onRestoreStart: ({ store }: { store: string }) => (store === 'bad' ? hook : Promise.resolve()),
    onRestoreProgress: async () => undefined,
  } as unknown as Task;
  const restorer = new Restorer({
    log: changelog.log,
    ...undisturbed,
    config: { fetchMaxBytes: 1 << 20, maxBytesPerSecond: Infinity, progressIntervalMs: 10_000 },
    rate: new ByteRate(Infinity, clock),
    clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: noMetrics,
  });
  let wasWriting: boolean | undefined;
  const restored = restorer.restore(task, new AbortController().signal).catch((error: unknown) => {
    wasWriting = engine.isWriting;
    return error;
  });
  await clock.advance(100);
  changelog.deliver();
  await clock.advance(100);
  expect(engine.isWriting).toBe(true);
  const failure = new Error('The hook fails.');
  failHook(failure);
  await clock.advance(100);
  engine.letWriteEnd();
  expect(await clock.run(restored)).toBe(failure);
  expect(wasWriting).toBe(false);
  await clock.run(restorer.close());
});

/** Restores of ten changelogs, with a reader that has what `take` returns. */
async function tenRestores(clock: ManualClock, bytesPerSecond: number, take: () => unknown) {
  const changelog = new FakeChangelog(clock);
  changelog.commit();
  const assigned: string[] = [];
  const reader = {
    ...changelog.log.openReader({} as never),
    assign: async ([{ topic }]: { topic: string }[]) => void assigned.push(topic),
    take,
  };
  const restorer = new Restorer({
    log: { ...changelog.log, openReader: () => reader } as never,
    ...undisturbed,
    config: { fetchMaxBytes: 1 << 20, maxBytesPerSecond: bytesPerSecond, progressIntervalMs: 10_000 },
    rate: new ByteRate(bytesPerSecond, clock),
    clock,
    logger: silentLogger,
    metrics: noMetrics,
  });
  const aborting = new AbortController();
  const restored: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) {
    const { task } = await taskWithStore();
    const stores = new TaskStores(task.stores.all.map((each) => ({ ...each, changelog: `changelog-${i}` })));
    restored.push(restorer.restore(Object.assign(task, { stores }), aborting.signal).catch(() => undefined));
  }
  const end = async (): Promise<void> => {
    aborting.abort(new Error('The test ends.'));
    await clock.run(Promise.all(restored));
    await clock.run(restorer.close());
  };
  return { assigned, end };
}

it('restores that wait for a transaction to be decided give their places to others', async () => {
  const clock = new ManualClock();
  const { assigned, end } = await tenRestores(clock, Infinity, () => undefined);
  await clock.advance(1000);
  expect(assigned).toHaveLength(8);
  await clock.advance(5000);
  expect(assigned).toHaveLength(10);
  await end();
});

it('restores that wait for their turn because of restore.maxBytesPerSecond keep their places', async () => {
  const clock = new ManualClock();
  const records = new BatchBuilder(1000);
  records.append(Buffer.from('k'), Buffer.from('1'), 1);
  const place = { topic: 'changelog-0', partition: 0, position: 0, isolation: 'read_committed', aborted: [] } as const;
  const chunk = decodeRecords({
    ...place,
    records: records.finish(),
    highWatermark: 2,
    lastStableOffset: 2,
    logStartOffset: 0,
  });
  const fetched = [{ partition: { topic: 'changelog-0', partition: 0 }, chunk }];
  const { assigned, end } = await tenRestores(clock, chunk.byteLength / 10, () => fetched.shift());
  await clock.advance(12_000);
  expect(fetched).toEqual([]);
  expect(assigned).toHaveLength(8);
  await clock.advance(5000);
  expect(assigned).toHaveLength(10);
  await end();
});
