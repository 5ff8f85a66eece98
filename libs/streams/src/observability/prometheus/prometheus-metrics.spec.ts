import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { STREAMS_METRICS } from '../streams-metrics.js';
import { PrometheusMetrics } from './prometheus-metrics.js';

const seriesOf = async (registry: Registry, name: string) =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith(name) && !line.includes('_bucket'));

describe('PrometheusMetrics', () => {
  it('registers every metric of the table, and no other, with its type, labels and help', async () => {
    const registry = new Registry();
    void new PrometheusMetrics(registry);
    const registered = registry.getMetricsAsArray().map((metric) => {
      const { name, help, labelNames, type } = metric as typeof metric & { labelNames: string[]; type: string };
      return [name, { type, labels: labelNames, help }];
    });
    const expected = Object.entries(STREAMS_METRICS).map(([name, { type, labels, help }]) => [
      name,
      { type, labels: ['application', ...labels], help },
    ]);
    expect(Object.fromEntries(registered)).toEqual(Object.fromEntries(expected));
  });

  it('tells the applications of a process apart', async () => {
    const registry = new Registry();
    const metrics = new PrometheusMetrics(registry);
    const [a, b] = ['a', 'b'].map((id) => metrics.forApplication(id));
    a!.set('streams_tasks', { state: 'running' }, 2);
    b!.set('streams_tasks', { state: 'running' }, 3);
    b!.add('streams_rebalances_total', {}, 1);
    a!.set('streams_store_bytes', { store: 's', partition: '0' }, 5);
    b!.set('streams_store_bytes', { store: 's', partition: '0' }, 6);
    a!.remove('streams_store_bytes', { store: 's', partition: '0' });
    expect(metrics.forApplication('a')).toBe(a);
    expect(await seriesOf(registry, 'streams_tasks')).toEqual([
      'streams_tasks{application="a",state="running"} 2',
      'streams_tasks{application="b",state="running"} 3',
    ]);
    expect(await seriesOf(registry, 'streams_rebalances_total')).toEqual([
      'streams_rebalances_total{application="a"} 0',
      'streams_rebalances_total{application="b"} 1',
    ]);
    expect(await seriesOf(registry, 'streams_store_bytes')).toEqual([
      'streams_store_bytes{application="b",store="s",partition="0"} 6',
    ]);
  });

  it('adds, sets and observes under the labels given', async () => {
    const registry = new Registry();
    const metrics = new PrometheusMetrics(registry);
    metrics.add('streams_records_dropped_total', { topic: 'orders', reason: 'processing' }, 2);
    metrics.add('streams_records_dropped_total', { reason: 'processing', topic: 'orders' }, 3);
    metrics.add('streams_records_dropped_total', { topic: 'orders', reason: 'deserialization' }, 1);
    metrics.add('streams_rebalances_total', {}, 1);
    metrics.set('streams_store_bytes', { store: 'balances', partition: '0' }, 70);
    metrics.set('streams_store_bytes', { store: 'balances', partition: '0' }, 7);
    metrics.observe('streams_process_latency_seconds', { topic: 'orders' }, 0.000_003);
    metrics.observe('streams_commit_latency_seconds', {}, 0.004);
    expect(await seriesOf(registry, 'streams_records_dropped_total')).toEqual([
      'streams_records_dropped_total{topic="orders",reason="processing"} 5',
      'streams_records_dropped_total{topic="orders",reason="deserialization"} 1',
    ]);
    expect(await seriesOf(registry, 'streams_rebalances_total')).toEqual(['streams_rebalances_total 1']);
    expect(await seriesOf(registry, 'streams_store_bytes')).toEqual([
      'streams_store_bytes{store="balances",partition="0"} 7',
    ]);
    const text = await registry.metrics();
    expect(text).toContain('streams_process_latency_seconds_bucket{le="0.0000025",topic="orders"} 0');
    expect(text).toContain('streams_process_latency_seconds_bucket{le="0.000005",topic="orders"} 1');
    expect(text).toContain('streams_commit_latency_seconds_bucket{le="0.0025"} 0');
    expect(text).toContain('streams_commit_latency_seconds_bucket{le="0.005"} 1');
  });

  it('forgets the label set of a gauge that was removed, and takes it again', async () => {
    const registry = new Registry();
    const metrics = new PrometheusMetrics(registry);
    for (const partition of ['0', '1']) metrics.set('streams_store_bytes', { store: 'a', partition }, 1);
    metrics.remove('streams_store_bytes', { store: 'a', partition: '0' });
    metrics.remove('streams_store_bytes', { store: 'never', partition: '0' });
    expect(await seriesOf(registry, 'streams_store_bytes')).toEqual(['streams_store_bytes{store="a",partition="1"} 1']);
    metrics.set('streams_store_bytes', { store: 'a', partition: '0' }, 2);
    expect(await seriesOf(registry, 'streams_store_bytes')).toContain('streams_store_bytes{store="a",partition="0"} 2');
  });

  it('shares the metrics of a registry with another instance', async () => {
    const registry = new Registry();
    for (const metrics of [new PrometheusMetrics(registry), new PrometheusMetrics(registry)]) {
      metrics.add('streams_rebalances_total', {}, 1);
    }
    expect(await seriesOf(registry, 'streams_rebalances_total')).toEqual(['streams_rebalances_total 2']);
  });

  it('refuses a registry in which a name means something else', () => {
    const registry = new Registry();
    void new Counter({ name: 'streams_tasks', help: 'of the application', registers: [registry] });
    expect(() => new PrometheusMetrics(registry)).toThrow('has a metric "streams_tasks" that is no gauge');
  });

  it('leaves out figures that are no numbers instead of disturbing who reports them', async () => {
    const registry = new Registry();
    const metrics = new PrometheusMetrics(registry, 'app');
    metrics.observe('streams_process_latency_seconds', { topic: 'orders' }, NaN);
    metrics.add('streams_rebalances_total', {}, NaN);
    metrics.add('streams_rebalances_total', {}, -1);
    metrics.set('streams_tasks', { state: 'running' }, Infinity);
    expect(await seriesOf(registry, 'streams_process_latency_seconds')).toEqual([]);
    expect(await seriesOf(registry, 'streams_rebalances_total')).toEqual([
      'streams_rebalances_total{application="app"} 0',
    ]);
    expect(await seriesOf(registry, 'streams_tasks')).toEqual([]);
  });
});
