import { Injectable } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  type OnFlush,
  type OnRestored,
  type OnRestoreProgress,
  type OnRestoreStart,
  type OnTaskClose,
  type OnTaskInit,
  type RestoreProgress,
  type StreamsFeature,
  type TaskContext,
} from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamsApps, type RootOptions, type StreamsApp } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true, lookup: 'every-partition' })
class Counts extends KeyValueStore<string, number> {}

@Injectable()
class Journal {
  readonly all: string[] = [];
  readonly progress: RestoreProgress[] = [];
  /** What a restore waits for before it begins. */
  gate: Promise<void> = Promise.resolve();

  of(task: string): string[] {
    return this.all.filter((line) => line.startsWith(`${task} `)).map((line) => line.slice(task.length + 1));
  }
}

@StreamProcessor()
class Counter implements OnTaskInit, OnRestoreStart, OnRestoreProgress, OnRestored, OnFlush, OnTaskClose {
  constructor(
    private readonly counts: Counts,
    private readonly journal: Journal,
  ) {}

  onTaskInit({ taskId }: TaskContext): void {
    this.journal.all.push(`${taskId} init`);
  }

  async onRestoreStart({ taskId, store, position, endOffset }: RestoreProgress): Promise<void> {
    this.journal.all.push(`${taskId} restore ${store} ${position < endOffset ? 'behind' : 'complete'}`);
    await this.journal.gate;
  }

  onRestoreProgress(progress: RestoreProgress): void {
    this.journal.progress.push(progress);
    this.journal.all.push(`${progress.taskId} progress ${progress.remainingRecords} left`);
  }

  async onRestored({ taskId }: TaskContext): Promise<void> {
    this.journal.all.push(`${taskId} restored ${(await this.counts.get('a')) ?? 'nothing'}`);
  }

  async onFlush({ taskId }: TaskContext): Promise<void> {
    await Promise.resolve();
    this.journal.all.push(`${taskId} flush`);
  }

  async onTaskClose({ taskId }: TaskContext): Promise<void> {
    await Promise.resolve();
    this.journal.all.push(`${taskId} close`);
  }

  @StreamHandler('in')
  @SendTo('out')
  async count(@Ctx() { key }: StreamContext): Promise<number> {
    const count = ((await this.counts.get(key as string)) ?? 0) + 1;
    this.counts.put(key as string, count);
    return count;
  }

  @StreamHandler('other')
  ignore(): void {}
}

describe('the life of a task', () => {
  const apps = new StreamsApps();

  function setUp(partitions: number): RootOptions {
    const topics = Object.fromEntries(['in', 'other', 'out'].map((name) => [name, { partitions }]));
    return { stateDir: apps.folder(), embedded: { directory: join(apps.folder(), 'log'), topics } };
  }

  function start(options: RootOptions, journal: Journal, feature: StreamsFeature = {}): Promise<StreamsApp> {
    return apps.start({
      options,
      feature: {
        processors: [Counter],
        stores: [Counts],
        providers: [{ provide: Journal, useValue: journal }],
        ...feature,
      },
    });
  }

  it('calls each hook once for the processor, in order, and restores at the next start', async () => {
    const options = setUp(2);
    const first = new Journal();
    const app = await start(options, first);
    await app.host.whenRunning();
    for (const task of ['0_0', '0_1'])
      expect(first.of(task)).toEqual(['init', 'restore counts complete', 'progress 0 left', 'restored nothing']);
    const sent = [
      { key: 'a', partition: 0 },
      { key: 'b', partition: 1 },
      { key: 'c', partition: 1 },
      { key: 'a', partition: 0 },
    ];
    for (const record of sent) await app.send('in', { ...record, value: 0 });
    await app.recordsOnce('out', 4);
    await app.close();
    expect(existsSync(join(options.stateDir!, 'app', '.lock'))).toBe(false);
    for (const task of ['0_0', '0_1']) {
      const after = first.of(task).slice(4);
      expect(after.at(-1)).toBe('close');
      expect(after.slice(0, -1).length).toBeGreaterThan(0);
      expect(new Set(after.slice(0, -1))).toEqual(new Set(['flush']));
    }
    const second = new Journal();
    const again = await start(options, second);
    await again.host.whenRunning();
    const restored = ['0_0', '0_1'].map((task) => second.of(task));
    for (const lines of restored)
      expect(lines).toEqual(['init', 'restore counts behind', 'progress 0 left', expect.stringMatching(/^restored/)]);
    expect(restored.map((lines) => lines[3])).toEqual(['restored 2', 'restored nothing']);
    expect(second.progress.reduce((sum, { restoredRecords }) => sum + restoredRecords, 0)).toBeGreaterThanOrEqual(3);
    await again.send('in', { key: 'a', value: 0, partition: 0 });
    expect((await again.recordsOnce('out', 5)).filter(({ key }) => key === 'a').map(({ value }) => value)).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('flushes before each commit with changes, and before no other', async () => {
    const journal = new Journal();
    const app = await start(setUp(1), journal, {});
    await app.host.whenRunning();
    for (let i = 1; i <= 3; i++) {
      await app.send('in', { key: 'a', value: 0 });
      await app.recordsOnce('out', i);
      await expect.poll(() => app.host.sourceLag().find(({ topic }) => topic === 'in')?.lag).toBe(0);
    }
    expect(journal.of('0_0').filter((line) => line === 'flush')).toHaveLength(3);
  });

  it('commits with a flush what the hook writes and forwards', async () => {
    @StreamProcessor()
    class Batcher implements OnFlush {
      private readonly keys = new Set<string>();
      private context: StreamContext | undefined;
      constructor(private readonly counts: Counts) {}

      @StreamHandler('in')
      @SendTo('out')
      collect(@Payload() _payload: unknown, @Ctx() context: StreamContext): void {
        this.context = context;
        this.keys.add(context.key as string);
      }

      onFlush(): void {
        for (const key of this.keys) {
          this.counts.put(key, 7);
          this.context!.forward('batch', { key });
        }
        this.keys.clear();
      }
    }
    const journal = new Journal();
    const app = await start(setUp(1), journal, { processors: [Batcher] });
    for (const key of ['a', 'b']) await app.send('in', { key, value: 0, timestamp: 5_000 });
    expect((await app.recordsOnce('out', 2)).map(({ key, value }) => [key, value])).toEqual([
      ['a', '"batch"'],
      ['b', '"batch"'],
    ]);
    await expect.poll(async () => (await app.fetch('/stores/counts/entries/b')).json).toBe(7);
  });

  it('is not ready while it restores, refuses queries meanwhile, and is ready afterwards', async () => {
    const options = { ...setUp(1), health: true };
    const first = await start(options, new Journal());
    for (let i = 0; i < 5; i++) {
      await first.send('in', { key: `k${i}`, value: 0 });
      await first.recordsOnce('out', i + 1);
    }
    await first.close();
    const journal = new Journal();
    let open = (): void => undefined;
    journal.gate = new Promise((resolve) => (open = resolve));
    const app = await start(options, journal);
    await expect.poll(() => journal.of('0_0')).toContain('restore counts behind');
    const restoring = await app.fetch('/health/ready');
    expect(restoring.status).toBe(503);
    expect(restoring.json).toMatchObject({
      error: {
        streams: {
          status: 'down',
          tasks: { restoring: 1 },
          restoring: [{ store: 'counts', partition: 0, remainingRecords: expect.any(Number) as number }],
        },
      },
    });
    expect((await app.fetch('/health/live')).status).toBe(200);
    expect((await app.fetch('/stores/counts/entries/k1')).status).toBe(503);
    open();
    await app.host.whenRunning();
    const ready = await app.fetch('/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.json).toMatchObject({
      details: { streams: { state: 'running', tasks: { running: 1 }, restoring: [] } },
    });
    expect((await app.fetch('/stores/counts/entries/k1')).json).toBe(1);
  });
});
