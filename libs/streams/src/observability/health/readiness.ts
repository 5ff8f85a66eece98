import { ConfigurationError } from '../../errors/configuration-error.js';
import type { InstanceState, TaskStatus } from '../../runtime/instance-status.js';

/** Which of the assigned tasks have to run for an instance to be ready: all, any, or a share from 0 to 1. */
export type ReadinessPolicy = 'all' | 'any' | number;

/** @throws ConfigurationError unless `policy` is one. */
export function checkReadinessPolicy(policy: unknown): asserts policy is ReadinessPolicy {
  if (policy === 'all' || policy === 'any') return;
  if (typeof policy === 'number' && policy >= 0 && policy <= 1) return;
  throw new ConfigurationError([
    `"health.ready" must be 'all', 'any' or a share from 0 to 1, not '${String(policy)}'.`,
  ]);
}

/**
 * An instance without tasks is ready once it runs: there is nothing to wait for, as with more instances than partitions. While the group
 * rebalances, `all` is not ready; the other policies go by the tasks that run on.
 */
export function isReady(policy: ReadinessPolicy, state: InstanceState, tasks: readonly TaskStatus[]): boolean {
  if (state !== 'running' && (state !== 'rebalancing' || policy === 'all')) return false;
  const assigned = tasks.filter((task) => task.state !== 'closed');
  if (assigned.length === 0) return state === 'running';
  const running = assigned.filter((task) => task.state === 'running').length;
  switch (policy) {
    case 'all':
      return running === assigned.length;
    case 'any':
      return running > 0;
    default:
      return running >= policy * assigned.length;
  }
}
