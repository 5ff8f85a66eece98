import { describe, expect, it } from 'vitest';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { MemoryEngine } from '../../stores/engines/memory/memory-engine.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { ByteRate } from './byte-rate.js';
import { StoreCurrency } from './store-currency.js';
import { StandbyFollower } from './standby-follower.js';
import { FakeChangelog, taskWithStore, undisturbed } from './testing/fake-changelog.js';

/** Its writes end when they may. */
class SlowEngine extends MemoryEngine {
  private readonly waiting: (() => void)[] = [];

  override async write(...args: Parameters<MemoryEngine['write']>): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return super.write(...args);
  }

  letWritesEnd(): void {
    for (const end of this.waiting.splice(0)) end();
  }
}

describe('a copy whose engine is slow', () => {
  async function followed() {
    const clock = new ManualClock();
    const changelog = new FakeChangelog(clock);
    const engine = new SlowEngine();
    const { task, store } = await taskWithStore(engine);
    const follower = new StandbyFollower({
      log: changelog.log,
      ...undisturbed,
      config: { fetchMaxBytes: 1 << 20, maxBytesPerSecond: Infinity, progressIntervalMs: 10_000 },
      rate: new ByteRate(Infinity, clock),
      acceptableRecoveryLag: 0,
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      metrics: noMetrics,
      onReady: () => undefined,
      onFailure: (error) => {
        throw error;
      },
    });
    follower.follow(task);
    // The end is looked at for the first time.
    await clock.advance(600);
    const freshness = () => follower.freshness(task, 's')!;
    return { clock, changelog, engine, store, task, follower, freshness };
  }

  it('is as old as what it shows, not as what is still being written', async () => {
    const { clock, changelog, engine, store, task, follower, freshness } = await followed();
    const committedAt = clock.monotonic();
    changelog.commit();
    await clock.advance(900);
    changelog.deliver();
    await clock.advance(1100);
    expect(await store.view.get(Buffer.from('k'))).toBeUndefined();
    expect(freshness().lag).toBe(2);
    expect(freshness().stalenessMs).toBeGreaterThanOrEqual(clock.monotonic() - committedAt);
    expect(follower.isReady(task)).toBe(false);

    engine.letWritesEnd();
    await clock.advance(0);
    expect(await store.view.get(Buffer.from('k'))).toEqual(Buffer.from('1'));
    expect(freshness().lag).toBe(0);
    expect(freshness().stalenessMs).toBeLessThan(clock.monotonic() - committedAt);
    await clock.advance(500);
    expect(follower.isReady(task)).toBe(true);
    // What is emptied is nobody's to take over.
    follower.mend(task, new StoreCorruptedError('s', task.id, 'a test says so'));
    expect(follower.isReady(task)).toBe(false);
    engine.letWritesEnd();
    await clock.run(follower.close());
  });
});

describe('a copy that is cut off from its changelog', () => {
  const HOUR_MS = 3_600_000;

  async function cutOffFor(ms: number) {
    const clock = new ManualClock();
    const changelog = new FakeChangelog(clock);
    const { task, store } = await taskWithStore(new MemoryEngine());
    const warnings: string[] = [];
    const file = { loadCurrency: () => ({}), saveCurrency: () => undefined };
    const follower = new StandbyFollower({
      log: changelog.log,
      changelogs: undisturbed.changelogs,
      currency: new StoreCurrency(file, new Map([['changelog', 24 * HOUR_MS]]), clock),
      config: { fetchMaxBytes: 1 << 20, maxBytesPerSecond: Infinity, progressIntervalMs: 10_000 },
      rate: new ByteRate(Infinity, clock),
      acceptableRecoveryLag: 0,
      clock,
      logger: { debug() {}, info() {}, warn: (text) => void warnings.push(text), error() {} },
      metrics: noMetrics,
      onReady: () => undefined,
      onFailure: (error) => {
        throw error;
      },
    });
    changelog.commit();
    follower.follow(task);
    await clock.advance(600);
    changelog.deliver();
    await clock.advance(1100);
    expect(follower.freshness(task, 's')!.lag).toBe(0);
    changelog.fail('endOffsets');
    clock.sleep(ms);
    changelog.recover();
    await clock.advance(1100);
    const value = await store.view.get(Buffer.from('k'));
    await clock.run(follower.close());
    return { value, warnings };
  }

  it('begins again from nothing if deletions may be gone', async () => {
    const { value, warnings } = await cutOffFor(24 * HOUR_MS);
    expect(value).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('was away from its changelog "changelog" for longer')]);
  });

  it('is kept if every deletion is still there', async () => {
    const { value, warnings } = await cutOffFor(22 * HOUR_MS);
    expect(value).toEqual(Buffer.from('1'));
    expect(warnings).toEqual([]);
  });
});
