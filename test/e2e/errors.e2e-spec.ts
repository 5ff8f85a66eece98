import type { Type } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  bytesSerde,
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  type BadRecord,
} from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { register } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { StreamsApps, type RootOptions, type StreamsApp } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

class Unlucky extends Error {}

@StreamProcessor()
class Counter {
  constructor(private readonly counts: Counts) {}

  @StreamHandler('in', { key: 'string', value: json<{ fails?: boolean }>() })
  @SendTo('out')
  async count(@Payload() { fails }: { fails?: boolean }, @Ctx() context: StreamContext): Promise<number> {
    const key = context.key as string;
    const count = ((await this.counts.get(key)) ?? 0) + 1;
    this.counts.put(key, count);
    if (fails) {
      context.forward('half of it');
      throw new Unlucky('no luck today');
    }
    return count;
  }
}

/** The release after it. */
@StreamProcessor({ name: 'Counter' })
class FixedCounter {
  constructor(private readonly counts: Counts) {}

  @StreamHandler('in', { key: 'string', value: json<unknown>() })
  @SendTo('out')
  async count(@Ctx() context: StreamContext): Promise<number> {
    const key = context.key as string;
    const count = ((await this.counts.get(key)) ?? 0) + 1;
    this.counts.put(key, count);
    return count;
  }
}

const NOT_JSON = Buffer.from([0xff, 0x7b, 0x00]);
const AT = 1_700_000_000_000;

describe('a record that cannot be handled', () => {
  const apps = new StreamsApps();
  beforeEach(() => register.clear());

  function folders(): RootOptions {
    const topics = Object.fromEntries(['in', 'out', 'dead'].map((name) => [name, { partitions: 1 }]));
    return {
      stateDir: apps.folder(),
      embedded: { directory: join(apps.folder(), 'log'), topics },
      health: true,
      metrics: { defaultMetrics: false },
    };
  }

  const start = (options: RootOptions, processor: Type<object> = Counter): Promise<StreamsApp> =>
    apps.start({ options, feature: { processors: [processor], stores: [Counts] } });

  const sendGood = (app: StreamsApp, key: string): Promise<string> => app.send('in', { key, value: {}, timestamp: AT });
  const sendFailing = (app: StreamsApp, key: string): Promise<string> =>
    app.send('in', {
      key,
      value: { fails: true },
      timestamp: AT,
      headers: [{ name: 'trace', value: Buffer.from('t1') }],
    });
  const sendBroken = (app: StreamsApp, key: string): Promise<string> =>
    app.send('in', { key, value: NOT_JSON, timestamp: AT }, { value: bytesSerde });

  const failed = (app: StreamsApp): Promise<void> =>
    expect.poll(() => app.host.state, { timeout: 10_000 }).toBe('failed');

  describe.each(['exactly_once', 'at_least_once'] as const)('under %s and the policy fail', (processingGuarantee) => {
    it.each([
      ['processing', 'Counter.count', sendFailing],
      ['deserialization', 'in', sendBroken],
    ] as const)(
      'fails the instance in %s, commits nothing of it, and gives everything back',
      async (phase, handler, send) => {
        const options = { ...folders(), processingGuarantee };
        const app = await start(options);
        await sendGood(app, 'a');
        await app.recordsOnce('out', 1);
        await send(app, 'bad');
        await sendGood(app, 'a');
        await failed(app);
        expect(app.host.failure).toMatchObject({
          name: 'BadRecordError',
          code: phase === 'processing' ? 'STREAMS_PROCESSING_FAILED' : 'STREAMS_DESERIALIZATION_FAILED',
          phase,
          topic: 'in',
          partition: 0,
          taskId: '0_0',
          handler,
        });
        const live = await app.fetch('/health/live');
        expect(live.status).toBe(503);
        expect(live.json).toMatchObject({
          error: {
            streams: { status: 'down', state: 'failed', failure: (app.host.failure as { code?: string }).code },
          },
        });
        expect((await app.fetch('/health/ready')).status).toBe(503);
        await expect.poll(() => existsSync(join(options.stateDir!, 'app', '.lock'))).toBe(false);
        const { failure } = app.host;
        await expect(sendGood(app, 'late')).rejects.toMatchObject({
          code: 'LOG_INSTANCE_ENDED',
          kind: 'fatal',
          cause: failure,
        });
        // The first application still answers HTTP while a second one takes log and folder over.
        const again = await start({ ...options, errors: { deserialization: 'continue' } }, FixedCounter);
        await sendGood(again, 'z');
        await expect.poll(async () => (await again.fetch('/stores/counts/entries/z')).json).toBe(1);
        const out = (await again.records('out')).map(({ key, value }) => `${key} ${value}`);
        const expected = ['a 1', ...(phase === 'processing' ? ['bad 1'] : []), 'a 2', 'z 1'];
        if (processingGuarantee === 'exactly_once') expect(out).toEqual(expected);
        // What was sent at least once is not taken back.
        else expect(out.filter((line) => line !== 'bad "half of it"')).toEqual(expected);
        await expect.poll(async () => (await again.fetch('/stores/counts/entries/a')).json).toBe(2);
      },
    );
  });

  it('is skipped, counted and passed by the commit under the policy continue', async () => {
    const app = await start({ ...folders(), errors: { processing: 'continue', deserialization: 'continue' } });
    await sendGood(app, 'a');
    await sendBroken(app, 'bad');
    await sendFailing(app, 'bad');
    await sendGood(app, 'a');
    const out = await app.recordsOnce('out', 2);
    expect(out.filter(({ key }) => key === 'a').map(({ value }) => value)).toEqual(['1', '2']);
    await expect.poll(() => app.host.sourceLag()).toEqual([{ topic: 'in', partition: 0, lag: 0 }]);
    const { text } = await app.fetch('/metrics');
    expect(text).toContain('streams_records_dropped_total{application="app",topic="in",reason="deserialization"} 1');
    expect(text).toContain('streams_records_dropped_total{application="app",topic="in",reason="processing"} 1');
    expect(text).toContain('streams_errors_total{application="app",code="STREAMS_PROCESSING_FAILED"} 1');
    expect(app.host.state).toBe('running');
    expect((await app.fetch('/health/live')).status).toBe(200);
  });

  it('goes to the dead-letter topic, byte by byte and with its story in headers', async () => {
    const errors = { processing: 'deadLetter', deserialization: 'deadLetter', deadLetterTopic: 'dead' } as const;
    const app = await start({ ...folders(), errors });
    await sendGood(app, 'a');
    await sendFailing(app, 'b');
    await sendBroken(app, 'c');
    await sendGood(app, 'a');
    const [failing, broken] = await app.recordsOnce('dead', 2);
    expect(failing).toMatchObject({
      key: 'b',
      value: '{"fails":true}',
      timestamp: AT,
      headers: {
        trace: 't1',
        'streams-application': 'app',
        'streams-task': '0_0',
        'streams-handler': 'Counter.count',
        'streams-topic': 'in',
        'streams-partition': '0',
        'streams-offset': '1',
        'streams-timestamp': String(AT),
        'streams-phase': 'processing',
        'streams-error-code': 'STREAMS_PROCESSING_FAILED',
        'streams-error-message': 'no luck today',
      },
    });
    expect(broken).toMatchObject({
      key: 'c',
      value: NOT_JSON.toString(),
      headers: {
        'streams-phase': 'deserialization',
        'streams-offset': '2',
        'streams-error-code': 'STREAMS_SERDE',
        'streams-error-message': expect.stringContaining('not JSON') as unknown,
      },
    });
    expect((await app.recordsOnce('out', 2)).filter(({ key }) => key === 'a')).toHaveLength(2);
  });

  it('is judged by a function, record by record', async () => {
    const seen: BadRecord[] = [];
    const app = await start({
      ...folders(),
      errors: {
        deadLetterTopic: 'dead',
        processing: async (failure) => {
          seen.push(failure);
          await Promise.resolve();
          return failure.key!.toString() === 'keep' ? 'deadLetter' : 'continue';
        },
        deserialization: ({ error }) => {
          throw new Error(`no policy for ${(error as Error).name}`);
        },
      },
    });
    await sendFailing(app, 'keep');
    await sendFailing(app, 'drop');
    await sendGood(app, 'a');
    await expect.poll(async () => (await app.records('out')).some(({ key }) => key === 'a')).toBe(true);
    expect((await app.records('dead')).map(({ key }) => key)).toEqual(['keep']);
    expect(seen).toMatchObject([
      {
        phase: 'processing',
        topic: 'in',
        partition: 0,
        offset: 0,
        timestamp: AT,
        handler: 'Counter.count',
        taskId: '0_0',
      },
      { offset: 1 },
    ]);
    expect(seen[0]!.error).toBeInstanceOf(Unlucky);
    expect(Buffer.from(seen[0]!.value!).toString()).toBe('{"fails":true}');
    await sendBroken(app, 'x');
    await failed(app);
    expect(app.host.failure?.message).toContain('the policy itself failed: no policy for SerdeError');
  });

  it('fails the instance where the policy answers nonsense', async () => {
    const app = await start({ ...folders(), errors: { processing: () => 'ignore' as 'continue' } });
    await sendFailing(app, 'a');
    await failed(app);
    expect(app.host.failure?.message).toContain(`must answer 'fail', 'continue' or 'deadLetter'`);
  });

  it('leaves the state of the failed instance in the metrics', async () => {
    const app = await start(folders());
    await sendFailing(app, 'a');
    await failed(app);
    const { text } = await app.fetch('/metrics');
    expect(text).toContain('streams_instance_state{application="app",state="failed"} 1');
    expect(text).toContain('streams_tasks{application="app",state="running"} 0');
    // Nothing of the partitions is left, which another instance reports by now.
    await expect.poll(async () => (await app.fetch('/metrics')).text).not.toMatch(/\nstreams_(store|cache)_bytes\{/);
    expect((await app.fetch('/metrics')).text).not.toMatch(/\nstreams_consumer_lag_records\{/);
  });

  it('is counted once when it fails the instance', async () => {
    const app = await start(folders());
    await sendFailing(app, 'a');
    await failed(app);
    expect((await app.fetch('/metrics')).text).toContain(
      'streams_errors_total{application="app",code="STREAMS_PROCESSING_FAILED"} 1\n',
    );
  });
});
