import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MissingTopicError } from '../../errors/missing-topic-error.js';
import type { HealthEndpointOptions } from '../../nest/streams-module-options.js';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import type { InstanceState, StoreStatus, TaskState, TaskStatus } from '../../runtime/instance-status.js';
import type { RestoreProgress } from '../../topology/processor.js';
import type { PauseScope } from '../../runtime/processing/pauses.js';
import { StreamsHealthIndicator } from './streams-health.indicator.js';
import { StreamsHealthModule } from './streams-health.module.js';

/** What health reads of a runtime. */
const runtime = {
  state: 'running' as InstanceState,
  failure: undefined as Error | undefined,
  tasks: () => tasks,
  pauses: (): readonly ('instance' | PauseScope)[] => [],
};
let tasks: TaskStatus[];
let app: INestApplication;

function task(partition: number, state: TaskState, ...stores: StoreStatus[]): TaskStatus {
  return {
    taskId: `0_${partition}`,
    partition,
    state,
    sourceTopics: ['orders'],
    pausedTopics: [],
    stores,
    streamTime: 0,
  };
}

function restoring(name: string, remainingRecords: number, etaMs?: number): StoreStatus {
  return { name, position: undefined, restore: { remainingRecords, etaMs } as RestoreProgress };
}

/** The runtime stands in a module that is not global, which imports that of health, as `StreamsModule` does. */
async function listen(options?: HealthEndpointOptions): Promise<void> {
  @Module({
    imports: [StreamsHealthModule.register(options)],
    providers: [{ provide: STREAMS_RUNTIME, useValue: runtime }],
  })
  class AppModule {}
  app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
}

async function get(path: string): Promise<{ status: number; cache: string | null; body: Record<string, unknown> }> {
  const response = await fetch((await app.getUrl()) + path);
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, cache: response.headers.get('cache-control'), body };
}

describe('StreamsHealthModule', () => {
  beforeEach(() => {
    Object.assign(runtime, { state: 'running', failure: undefined, pauses: () => [] });
    tasks = [task(0, 'running'), task(1, 'running')];
  });
  afterEach(() => app.close());

  it('answers 200 where all tasks run, and is not cached', async () => {
    await listen();
    const details = { streams: { status: 'up', state: 'running', tasks: { running: 2 }, restoring: [] } };
    for (const path of ['/health/live', '/health/ready']) {
      const { status, cache, body } = await get(path);
      expect([status, body]).toEqual([200, { status: 'ok', info: details, error: {}, details }]);
      expect(cache).toContain('no-store');
    }
  });

  it('is ready while something is paused, and says what', async () => {
    runtime.pauses = () => ['instance', { processor: 'Counter' }, { task: '0_1' }];
    await listen();
    const { status, body } = await get('/health/ready');
    expect(status).toBe(200);
    expect(body).toMatchObject({ details: { streams: { paused: ['instance', 'Counter', '0_1'] } } });
  });

  it('is alive but not ready while a store restores, and tells how much is left', async () => {
    tasks[1] = task(1, 'restoring', restoring('balances', 1234, 2500), restoring('limits', 7), {
      name: 'done',
      position: 5,
    });
    await listen();
    expect((await get('/health/live')).status).toBe(200);
    const { status, cache, body } = await get('/health/ready');
    expect(status).toBe(503);
    expect(cache).toContain('no-store');
    const details = {
      streams: {
        status: 'down',
        state: 'running',
        tasks: { running: 1, restoring: 1 },
        restoring: [
          { store: 'balances', partition: 1, remainingRecords: 1234, etaMs: 2500 },
          { store: 'limits', partition: 1, remainingRecords: 7 },
        ],
      },
    };
    expect(body).toEqual({ status: 'error', info: {}, error: details, details });
  });

  it('is ready by the policy and under the path it was given', async () => {
    tasks[1] = task(1, 'restoring');
    await listen({ path: 'internal/health', ready: 'any' });
    expect((await get('/internal/health/ready')).status).toBe(200);
    expect((await get('/health/ready')).status).toBe(404);
    tasks[0] = task(0, 'restoring');
    expect((await get('/internal/health/ready')).status).toBe(503);
  });

  it('is dead once the instance has failed, and names the code of the failure but not its message', async () => {
    runtime.state = 'failed';
    runtime.failure = new MissingTopicError(['secret-topic']);
    await listen();
    const { status, body } = await get('/health/live');
    expect(status).toBe(503);
    expect(body).toMatchObject({ error: { streams: { state: 'failed', failure: 'STREAMS_TOPIC_MISSING' } } });
    expect(JSON.stringify(body)).not.toContain('secret-topic');
    runtime.failure = new TypeError('secret');
    expect((await get('/health/ready')).body).toMatchObject({ error: { streams: { failure: 'TypeError' } } });
  });

  it.each<[InstanceState, number]>([
    ['created', 200],
    ['starting', 200],
    ['rebalancing', 200],
    ['stopping', 200],
    ['stopped', 503],
  ])('answers the question whether a %s instance lives with %i, and is not ready', async (state, live) => {
    runtime.state = state;
    await listen();
    expect((await get('/health/live')).status).toBe(live);
    expect((await get('/health/ready')).status).toBe(503);
  });

  it('refuses a policy that is none before anything starts', async () => {
    expect(() => StreamsHealthModule.register({ ready: 2 })).toThrow('"health.ready"');
    expect(() => StreamsHealthModule.register({ paht: 'x' } as never)).toThrow('Did you mean "health.path"?');
    await listen();
    expect(() => app.get(StreamsHealthIndicator).isReady('streams', 'some' as never)).toThrow('"health.ready"');
  });
});
