import { Counter, Gauge, Histogram, register, type Metric, type Registry } from 'prom-client';
import { ConfigurationError } from '../../errors/configuration-error.js';
import {
  STREAMS_METRICS,
  type MetricDefinition,
  type MetricLabels,
  type MetricName,
  type MetricNameOf,
  type StreamsMetrics,
} from '../streams-metrics.js';

/** Seconds, of what waits for a broker, a disk or another instance. */
const WAITING = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Seconds. A handler takes microseconds. */
const BUCKETS: Readonly<Record<MetricNameOf<'histogram'>, readonly number[]>> = {
  streams_process_latency_seconds: [
    0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025,
    0.1, 0.5, 1,
  ],
  streams_commit_latency_seconds: WAITING,
  streams_query_latency_seconds: WAITING,
  streams_peer_latency_seconds: WAITING,
};

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of the library in a prom-client registry.
 *
 * All of them are registered at once; those that the registry has already, from another instance in this process, are shared. What an application
 * reports through `forApplication` carries the label `application`. Reporting never throws: a figure that is no finite number is left out.
 */
export class PrometheusMetrics implements StreamsMetrics {
  private readonly counters = new Map<string, Series<Counter.Internal>>();
  private readonly gauges = new Map<string, Series<Gauge.Internal<string>>>();
  private readonly histograms = new Map<string, Series<Histogram.Internal<string>>>();

  private readonly ofApplications = new Map<string, PrometheusMetrics>();

  /** @throws ConfigurationError if the registry has a metric of one of these names that is something else. */
  constructor(
    private readonly registry: Registry = register,
    application?: string,
  ) {
    const constant: Labels = application === undefined ? {} : { application };
    const problems: string[] = [];
    for (const [name, definition] of Object.entries<MetricDefinition>(STREAMS_METRICS)) {
      const metric = registry.getSingleMetric(name) ?? newMetric(name as MetricName, definition, registry);
      if (definition.type === 'counter' && metric instanceof Counter) {
        this.counters.set(name, new Series(definition.labels, constant, metric));
        // As prom-client does for metrics without labels: a counter that has counted nothing is 0, not absent.
        if (application !== undefined && definition.labels.length === 0) metric.inc(constant, 0);
      } else if (definition.type === 'gauge' && metric instanceof Gauge) {
        this.gauges.set(name, new Series(definition.labels, constant, metric));
      } else if (definition.type === 'histogram' && metric instanceof Histogram) {
        this.histograms.set(name, new Series(definition.labels, constant, metric));
        if (application !== undefined && definition.labels.length === 0) metric.zero(constant);
      } else {
        problems.push(
          `The Prometheus registry has a metric "${name}" that is no ${definition.type}; give it another name.`,
        );
      }
    }
    if (problems.length > 0) throw new ConfigurationError(problems);
  }

  forApplication(applicationId: string): StreamsMetrics {
    let metrics = this.ofApplications.get(applicationId);
    if (metrics === undefined)
      this.ofApplications.set(applicationId, (metrics = new PrometheusMetrics(this.registry, applicationId)));
    return metrics;
  }

  add<N extends MetricNameOf<'counter'>>(name: N, labels: MetricLabels<N>, amount: number): void {
    if (Number.isFinite(amount) && amount >= 0) this.counters.get(name)?.of(labels).inc(amount);
  }

  set<N extends MetricNameOf<'gauge'>>(name: N, labels: MetricLabels<N>, value: number): void {
    if (Number.isFinite(value)) this.gauges.get(name)?.of(labels).set(value);
  }

  observe<N extends MetricNameOf<'histogram'>>(name: N, labels: MetricLabels<N>, value: number): void {
    if (Number.isFinite(value)) this.histograms.get(name)?.of(labels).observe(value);
  }

  remove<N extends MetricNameOf<'gauge'>>(name: N, labels: MetricLabels<N>): void {
    this.gauges.get(name)?.remove(labels);
  }
}

interface LabelledMetric<C> {
  labels(labels: Labels): C;
  remove(labels: Labels): void;
}

/** The label sets of one metric, each made once. */
class Series<C> {
  private readonly children = new Map<string, C>();

  constructor(
    private readonly names: readonly string[],
    private readonly constant: Labels,
    private readonly metric: LabelledMetric<C>,
  ) {}

  of(labels: Labels): C {
    const key = this.keyOf(labels);
    let child = this.children.get(key);
    if (child === undefined) {
      child = this.metric.labels({ ...this.constant, ...labels });
      this.children.set(key, child);
    }
    return child;
  }

  remove(labels: Labels): void {
    this.children.delete(this.keyOf(labels));
    this.metric.remove({ ...this.constant, ...labels });
  }

  private keyOf(labels: Labels): string {
    const { names } = this;
    let key = '';
    for (let i = 0; i < names.length; i++) key += `${labels[names[i]]}\0`;
    return key;
  }
}

function newMetric(name: MetricName, { type, labels, help }: MetricDefinition, registry: Registry): Metric {
  const configuration = { name, help, labelNames: ['application', ...labels], registers: [registry] };
  switch (type) {
    case 'counter':
      return new Counter(configuration);
    case 'gauge':
      return new Gauge(configuration);
    default:
      return new Histogram({ ...configuration, buckets: [...BUCKETS[name as MetricNameOf<'histogram'>]] });
  }
}
