import { Injectable } from '@nestjs/common';
import { RecordProducer, StreamHandler, StreamsModule, TopicAdmin } from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { register } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

describe('an application without handlers', () => {
  const apps = new StreamsApps();
  afterEach(() => register.clear());

  it('starts, is ready, produces and administers topics', async () => {
    const stateDir = apps.folder();
    const app = await apps.start({ topics: { out: 2 }, options: { stateDir, health: true, metrics: true } });
    const states: string[] = [];
    app.host.onStateChange((state) => states.push(state));
    await app.host.whenRunning();
    expect(app.host.state).toBe('running');
    await app.nest.get(TopicAdmin).create([{ name: 'more', partitions: 3 }]);
    expect(await app.nest.get(TopicAdmin).describe(['more'])).toEqual(
      new Map([['more', { name: 'more', partitions: 3 }]]),
    );
    const producer = app.nest.get(RecordProducer);
    await producer.send('out', { key: 'k', value: 1 });
    expect((await app.recordsOnce('out', 1)).map(({ key }) => key)).toEqual(['k']);
    expect((await app.fetch('/health/live')).status).toBe(200);
    expect((await app.fetch('/health/ready')).json).toMatchObject({
      info: { streams: { state: 'running', tasks: {} } },
    });
    expect((await app.fetch('/metrics')).text).toContain('streams_instance_state{application="app",state="running"} 1');
    expect((await app.fetch('/stores')).status).toBe(200);
    expect(app.host.tasks()).toEqual([]);
    await expect(app.host.pause()).rejects.toMatchObject({ code: 'STREAMS_PAUSE_SCOPE' });
    // The folder belongs to applications with state: several producers may share the options.
    expect(existsSync(join(stateDir, 'app'))).toBe(false);
    await app.close();
    expect(app.host.state).toBe('stopped');
    expect(states).toEqual(['stopping', 'stopped']);
    await expect(app.host.whenRunning()).rejects.toMatchObject({ code: 'LOG_CLOSED' });
    const ended = { code: 'LOG_INSTANCE_ENDED', kind: 'fatal', message: expect.stringMatching(/"\S+" was stopped\. /) };
    await expect(producer.send('out', { key: 'k', value: 2 })).rejects.toMatchObject(ended);
    await expect(app.nest.get(TopicAdmin).describe(['out'])).rejects.toMatchObject(ended);
  });

  it('fails to start where the brokers cannot be reached', async () => {
    const error = await apps.failure({
      imports: [
        StreamsModule.forRoot({
          applicationId: 'app',
          stateDir: apps.folder(),
          kafka: { brokers: ['127.0.0.1:1'], connectionTimeoutMs: 1000 },
        }),
      ],
    });
    expect(error).toMatchObject({ code: 'STREAMS_LOG_UNAVAILABLE' });
  });

  it('still refuses handlers that nothing would call', async () => {
    @Injectable()
    class Unmarked {
      @StreamHandler('in')
      handle(): void {}
    }
    const error = await apps.failure({
      imports: [StreamsModule.forRoot(apps.options({ in: 1 }))],
      providers: [Unmarked],
    });
    expect(error.problems).toEqual([
      expect.stringMatching(/^Unmarked has @StreamHandler methods, .* @StreamProcessor/),
    ]);
  });
});
