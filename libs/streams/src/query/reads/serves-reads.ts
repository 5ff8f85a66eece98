import type { InstanceState } from '../../runtime/instance-status.js';

/** Returns whether an instance in `state` answers reads of what it holds. A stopping instance does until its stores close. */
export function servesReads(state: InstanceState): boolean {
  return state === 'running' || state === 'rebalancing' || state === 'stopping';
}
