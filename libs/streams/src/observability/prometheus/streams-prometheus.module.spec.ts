import { Inject, Module, type DynamicModule, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { STREAMS_METRICS_PORT } from '../../nest/tokens.js';
import type { StreamsMetrics } from '../streams-metrics.js';
import { StreamsPrometheusModule } from './streams-prometheus.module.js';

const apps: INestApplication[] = [];

/** Modules are made once for each call, as `forRoot` makes them. */
async function listen(metricsModule: DynamicModule): Promise<string> {
  @Module({ imports: [metricsModule] })
  class AppModule {
    constructor(@Inject(STREAMS_METRICS_PORT) metrics: StreamsMetrics) {
      metrics.add('streams_commits_total', { outcome: 'committed' }, 1);
    }
  }
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false, abortOnError: false });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

describe('StreamsPrometheusModule', () => {
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    register.clear();
  });

  it('serves the metrics of the library and of the process under /metrics', async () => {
    const response = await fetch(`${await listen(StreamsPrometheusModule.register())}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).toContain('streams_commits_total{outcome="committed"} 1');
    expect(text).toContain('# TYPE streams_process_latency_seconds histogram');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('serves them elsewhere and without those of the process where it is asked to', async () => {
    const url = await listen(StreamsPrometheusModule.register({ path: '/internal/metrics', defaultMetrics: false }));
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const text = await (await fetch(`${url}/internal/metrics`)).text();
    expect(text).toContain('streams_commits_total');
    expect(text).not.toContain('process_cpu_seconds_total');
  });

  it('refuses options that it does not know', () => {
    const options = { defaultMetric: false } as never;
    expect(() => StreamsPrometheusModule.register(options)).toThrow('Did you mean "metrics.defaultMetrics"?');
  });

  it('can be registered twice in a process, each time with its own path', async () => {
    const first = await listen(StreamsPrometheusModule.register({ path: '/one' }));
    const second = await listen(StreamsPrometheusModule.register({ path: '/two' }));
    expect([(await fetch(`${first}/one`)).status, (await fetch(`${first}/two`)).status]).toEqual([200, 404]);
    expect([(await fetch(`${second}/one`)).status, (await fetch(`${second}/two`)).status]).toEqual([404, 200]);
    expect(await (await fetch(`${second}/two`)).text()).toContain('streams_commits_total{outcome="committed"} 2');
  });
});
