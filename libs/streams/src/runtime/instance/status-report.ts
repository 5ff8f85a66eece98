import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { InstanceState, TaskState } from '../instance-status.js';
import type { StreamsRuntime } from '../streams-runtime.js';

const INSTANCE_STATES: readonly InstanceState[] = [
  'created',
  'starting',
  'rebalancing',
  'running',
  'stopping',
  'stopped',
  'failed',
];
const TASK_STATES: readonly TaskState[] = ['created', 'restoring', 'running', 'suspended', 'closed'];

/** Sets the gauges that follow from the instance's status. */
export function reportStatus(runtime: StreamsRuntime, metrics: StreamsMetrics): void {
  for (const state of INSTANCE_STATES)
    metrics.set('streams_instance_state', { state }, runtime.state === state ? 1 : 0);
  const tasks = runtime.tasks();
  for (const state of TASK_STATES)
    metrics.set('streams_tasks', { state }, tasks.filter((task) => task.state === state).length);
  for (const { topic, partition, lag } of runtime.sourceLag())
    metrics.set('streams_consumer_lag_records', { topic, partition: String(partition) }, lag);
}
