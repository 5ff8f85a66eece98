import type { MetricLabels, MetricNameOf, StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StateStore, StoreCounts } from '../../stores/state-store.js';
import type { InstanceState, TaskState } from '../instance-status.js';
import type { StreamsRuntime } from '../streams-runtime.js';
import type { Task } from '../task/task.js';

const INSTANCE_STATES: readonly InstanceState[] = [
  'created',
  'starting',
  'rebalancing',
  'running',
  'stopping',
  'stopped',
  'failed',
];
const TASK_STATES: readonly TaskState[] = ['created', 'standby', 'restoring', 'running', 'suspended', 'closed'];
const OPERATIONS = ['get', 'put', 'delete', 'range', 'load', 'write'] as const;

const ENDED: readonly InstanceState[] = ['stopped', 'failed'];

/** Sets the gauge of the current state to 1, and those of the others to 0. */
export function reportInstanceState(metrics: StreamsMetrics, current: InstanceState): void {
  for (const state of INSTANCE_STATES) metrics.set('streams_instance_state', { state }, current === state ? 1 : 0);
}

type PartitionGauge = Extract<
  MetricNameOf<'gauge'>,
  'streams_consumer_lag_records' | 'streams_store_bytes' | 'streams_cache_bytes' | 'streams_restore_remaining_records'
>;

/** Reports what follows from the instance's status, and forgets the figures of partitions that have moved away. */
export class StatusReport {
  private reported = new Map<string, () => void>();

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly tasks: () => readonly Task[],
    private readonly metrics: StreamsMetrics,
  ) {}

  async report(): Promise<void> {
    const { runtime, metrics } = this;
    reportInstanceState(metrics, runtime.state);
    const held = this.tasks();
    for (const task of held) for (const { store } of task.stores.all) this.reportCounts(store);
    // Tasks that an ended instance still holds run nowhere.
    const tasks = this.hasEnded() ? [] : held;
    for (const state of TASK_STATES)
      metrics.set('streams_tasks', { state }, tasks.filter((task) => task.state.is(state)).length);
    const queues = tasks.filter((task) => !task.state.is('standby')).flatMap((task) => task.records.queues);
    metrics.set('streams_paused_partitions', {}, queues.filter(({ isPaused }) => isPaused).length);
    const before = this.reported;
    this.reported = new Map();
    for (const { topic, partition, lag } of tasks.length === 0 ? [] : runtime.sourceLag())
      this.set('streams_consumer_lag_records', { topic, partition: String(partition) }, lag);
    for (const task of tasks)
      for (const { store } of task.stores.all) await this.reportSize(store, String(task.partition));
    for (const [key, remove] of before) if (!this.reported.has(key)) remove();
  }

  private hasEnded(): boolean {
    return ENDED.includes(this.runtime.state);
  }

  private reportCounts({ name, counts }: StateStore): void {
    for (const operation of OPERATIONS) {
      const amount = taken(counts, operation);
      if (amount > 0) this.metrics.add('streams_store_operations_total', { store: name, operation }, amount);
    }
    const hits = taken(counts, 'hits');
    if (hits > 0) this.metrics.add('streams_store_cache_hits_total', { store: name }, hits);
  }

  /** Leaves an instance that ended while earlier stores were asked for their size to the report of that end. */
  private async reportSize(store: StateStore, partition: string): Promise<void> {
    if (this.hasEnded()) return;
    const labels = { store: store.name, partition };
    this.set('streams_cache_bytes', labels, store.bufferedBytes);
    this.keep('streams_restore_remaining_records', labels);
    // A store that is being closed has no size.
    const bytes = await store.approximateBytes().catch(() => undefined);
    if (bytes !== undefined && !this.hasEnded()) this.set('streams_store_bytes', labels, bytes);
  }

  private set<N extends PartitionGauge>(name: N, labels: MetricLabels<N>, value: number): void {
    this.metrics.set(name, labels, value);
    this.keep(name, labels);
  }

  private keep<N extends PartitionGauge>(name: N, labels: MetricLabels<N>): void {
    this.reported.set(`${name} ${JSON.stringify(labels)}`, () => this.metrics.remove(name, labels));
  }
}

function taken(counts: StoreCounts, name: keyof StoreCounts): number {
  const amount = counts[name];
  counts[name] = 0;
  return amount;
}
