import { Ctx, Payload } from '@nestjs/microservices';
import { json, KeyValueStore, SendTo, StateStore, StreamContext, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

const late: { release(): void; errors: unknown[]; done: Promise<void> }[] = [];

@StreamProcessor()
class Hasty {
  constructor(private readonly counts: Counts) {}

  @StreamHandler('in', { key: 'string', value: json<number>() })
  @SendTo('out')
  handle(@Payload() value: number, @Ctx() context: StreamContext): number {
    this.counts.put('in time', value);
    const errors: unknown[] = [];
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const done = released.then(() => {
      const calls = [
        () => this.counts.put('late', value),
        () => void this.counts.delete('in time'),
        () => context.forward('late'),
        () => context.requestCommit(),
      ];
      for (const call of calls) {
        try {
          call();
        } catch (error) {
          errors.push(error);
        }
      }
    });
    late.push({ release, errors, done });
    return value;
  }
}

describe.each([true, false])('a handler that does not await what it started (freezeValues: %s)', (freezeValues) => {
  const apps = new StreamsApps();

  it('is refused each late effect, by name', async () => {
    late.length = 0;
    const topics = { in: 1, out: 1 };
    const feature = { processors: [Hasty], stores: [Counts] };
    const app = await apps.start({ topics, options: { freezeValues }, feature });
    await app.send('in', { key: 'k', value: 1 });
    await app.recordsOnce('out', 1);
    const [work] = late;
    work!.release();
    await work!.done;
    const refused = { code: 'STREAMS_LATE_WORK', handler: 'Hasty.handle', taskId: '0_0' };
    expect(work!.errors).toMatchObject([
      { ...refused, operation: 'put on the store "counts"' },
      { ...refused, operation: 'delete on the store "counts"' },
      { ...refused, operation: 'forward by Hasty.handle' },
      { ...refused, operation: 'requestCommit by Hasty.handle' },
    ]);
    await app.send('in', { key: 'k', value: 2 });
    expect((await app.recordsOnce('out', 2)).map(({ value }) => value)).toEqual(['1', '2']);
    await expect.poll(async () => (await app.fetch('/stores/counts/entries/in%20time')).json).toBe(2);
    expect((await app.fetch('/stores/counts/entries/late')).status).toBe(404);
  });
});
