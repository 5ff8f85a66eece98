import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamHandler,
  StreamProcessor,
  type OnFlush,
  type OnRestored,
  type OnRestoreProgress,
  type OnRestoreStart,
  type OnTaskClose,
  type OnTaskInit,
} from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StreamsApps, type RootOptions } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), engine: 'rocksdb' })
class Counts extends KeyValueStore<string, number> {}

let failing = '';

function failIf(hook: string): void {
  if (hook === failing) throw new Error(`${hook} fails today`);
}

@StreamProcessor()
class Hooked implements OnTaskInit, OnRestoreStart, OnRestoreProgress, OnRestored, OnFlush, OnTaskClose {
  constructor(readonly counts: Counts) {
    failIf('constructor');
  }
  onTaskInit(): void {
    failIf('onTaskInit');
  }
  async onRestoreStart(): Promise<void> {
    await Promise.resolve();
    failIf('onRestoreStart');
  }
  onRestoreProgress(): void {
    failIf('onRestoreProgress');
  }
  onRestored(): void {
    failIf('onRestored');
  }
  onFlush(): void {
    failIf('onFlush');
  }
  async onTaskClose(): Promise<void> {
    await Promise.resolve();
    failIf('onTaskClose');
  }

  @StreamHandler('in')
  @SendTo('out')
  handle(value: unknown): unknown {
    this.counts.put('k', 1);
    return value;
  }
}

describe('a hook that throws', () => {
  const apps = new StreamsApps();
  beforeEach(() => {
    failing = '';
  });

  function options(): RootOptions {
    const topics = { in: { partitions: 2 }, out: { partitions: 1 } };
    return { stateDir: apps.folder(), embedded: { directory: join(apps.folder(), 'log'), topics } };
  }

  const feature = { processors: [Hooked], stores: [Counts] };

  it.each(['constructor', 'onTaskInit', 'onRestoreStart', 'onRestoreProgress', 'onRestored', 'onFlush'])(
    'fails the instance in %s, and leaves nothing open',
    async (hook) => {
      const set = options();
      failing = hook;
      const nest = await apps.create(apps.metadataOf({ options: set, feature }));
      const started = await apps.serve(nest).then(
        (app) => app,
        (error: unknown) => error as Error,
      );
      if (started instanceof Error) expect(started.message).toBe(`${hook} fails today`);
      else {
        if (hook === 'onFlush') await started.send('in', { key: 'k', value: 1 });
        await expect.poll(() => started.host.state, { timeout: 10_000 }).toBe('failed');
        expect(started.host.failure?.message).toBe(`${hook} fails today`);
      }
      await expect.poll(() => existsSync(join(set.stateDir!, 'app', '.lock')), { timeout: 10_000 }).toBe(false);
      failing = '';
      const again = await apps.start({ options: set, feature });
      await again.send('in', { key: 'k', value: 2 });
      expect((await again.recordsOnce('out', hook === 'onFlush' ? 2 : 1)).at(-1)!.value).toBe('2');
    },
  );

  // `StreamsInstance.drain` rejects then, and nothing is released.
  it('does not keep the application from closing in onTaskClose', async () => {
    const set = options();
    const app = await apps.start({ options: set, feature });
    await app.host.whenRunning();
    await app.send('in', { key: 'k', value: 1 });
    await app.recordsOnce('out', 1);
    failing = 'onTaskClose';
    await app.close();
    failing = '';
    expect(existsSync(join(set.stateDir!, 'app', '.lock'))).toBe(false);
    const again = await apps.start({ options: set, feature });
    await again.send('in', { key: 'k', value: 2 });
    expect((await again.recordsOnce('out', 2)).map(({ value }) => value)).toEqual(['1', '2']);
  });
});
