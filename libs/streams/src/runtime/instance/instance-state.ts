import type { InstanceState } from '../instance-status.js';

/** See the drawing at `InstanceState`. */
export const INSTANCE_TRANSITIONS = {
  created: ['starting', 'stopping', 'stopped'],
  starting: ['rebalancing', 'running', 'stopping', 'failed'],
  rebalancing: ['running', 'stopping', 'failed'],
  running: ['rebalancing', 'stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  failed: ['stopped'],
  stopped: [],
} as const satisfies Record<InstanceState, readonly InstanceState[]>;
