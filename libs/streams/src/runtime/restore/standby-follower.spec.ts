import { describe, expect, it } from 'vitest';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { Log } from '../../log/log.js';
import { BatchBuilder } from '../../log/records/batch-builder.js';
import { assignBaseOffset } from '../../log/records/batch-header.js';
import { decodeRecords } from '../../log/records/record-decoder.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { storeDefinition } from '../../query/testing/fake-runtime.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { MemoryEngine } from '../../stores/engines/memory/memory-engine.js';
import { BufferedKeyValueStore } from '../../stores/key-value/buffered-key-value-store.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { Task } from '../task/task.js';
import { TaskStores } from '../task/task-stores.js';
import { ByteRate } from './byte-rate.js';
import { StandbyFollower } from './standby-follower.js';

const CHANGELOG = { topic: 'changelog', partition: 0 };

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

/** A changelog that nobody has written to yet. */
class FakeChangelog {
  private end = 0;
  private readonly fetched: unknown[] = [];

  constructor(private readonly clock: ManualClock) {}

  get log(): Log {
    return {
      admin: {
        beginningOffsets: async () => [{ ...CHANGELOG, offset: 0 }],
        endOffsets: async () => [{ ...CHANGELOG, offset: this.end }],
      },
      openReader: () => ({
        assign: async () => undefined,
        remove: () => undefined,
        take: () => this.fetched.shift(),
        ready: () => new Promise<void>((resolve) => void this.clock.schedule(10, resolve)),
        close: async () => undefined,
      }),
    } as unknown as Log;
  }

  /** One record, and the marker of its transaction. */
  commit(): void {
    this.end = 2;
  }

  deliver(): void {
    const builder = new BatchBuilder(1 << 20);
    builder.append(Buffer.from('k'), Buffer.from('1'), 1);
    const records = builder.finish();
    assignBaseOffset(records, 0, 0);
    const chunk = decodeRecords({
      ...CHANGELOG,
      position: 0,
      isolation: 'read_committed',
      records,
      aborted: [],
      highWatermark: 2,
      lastStableOffset: 2,
      logStartOffset: 0,
    });
    Object.assign(chunk, { bounds: { ...chunk.bounds, nextOffset: 2 } });
    this.fetched.push({ partition: CHANGELOG, chunk });
  }
}

describe('a copy whose engine is slow', () => {
  async function followed() {
    const clock = new ManualClock();
    const changelog = new FakeChangelog(clock);
    const engine = new SlowEngine();
    const definition = storeDefinition('s', stringSerde, json<number>());
    const store = new BufferedKeyValueStore({ definition, engine, freezeValues: false });
    await store.open();
    const stores = new TaskStores([{ definition, store, changelog: CHANGELOG.topic }]);
    const task = { id: '0_0', partition: CHANGELOG.partition, stores } as unknown as Task;
    const follower = new StandbyFollower({
      log: changelog.log,
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
