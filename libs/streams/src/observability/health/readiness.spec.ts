import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../errors/configuration-error.js';
import type { InstanceState, TaskState, TaskStatus } from '../../runtime/instance-status.js';
import { checkReadinessPolicy, isReady, type ReadinessPolicy } from './readiness.js';

const tasks = (...states: TaskState[]): TaskStatus[] =>
  states.map((state, partition) => {
    return {
      taskId: `0_${partition}`,
      partition,
      state,
      sourceTopics: [],
      pausedTopics: [],
      stores: [],
      streamTime: 0,
    };
  });

describe('isReady', () => {
  const oneOfFour = tasks('running', 'restoring', 'suspended', 'created');
  it.each<[ReadinessPolicy, TaskStatus[], boolean]>([
    ['all', tasks('running', 'running'), true],
    ['all', tasks('running', 'restoring'), false],
    ['all', tasks('running', 'closed'), true],
    ['any', oneOfFour, true],
    ['any', tasks('restoring', 'suspended'), false],
    [0.25, oneOfFour, true],
    [0.26, oneOfFour, false],
    [0, tasks('restoring'), true],
    [1, tasks('running', 'running'), true],
    [1, oneOfFour, false],
    ['all', [], true],
    ['any', [], true],
    [1, [], true],
  ])('of a running instance by the policy %s', (policy, given, expected) => {
    expect(isReady(policy, 'running', given)).toBe(expected);
  });

  it('goes by the tasks that run on while the group rebalances, except where all are asked for', () => {
    expect(isReady('any', 'rebalancing', tasks('running', 'suspended'))).toBe(true);
    expect(isReady(0.6, 'rebalancing', tasks('running', 'suspended'))).toBe(false);
    expect(isReady('all', 'rebalancing', tasks('running'))).toBe(false);
    expect(isReady('any', 'rebalancing', [])).toBe(false);
  });

  it.each<InstanceState>(['created', 'starting', 'stopping', 'stopped', 'failed'])(
    'never of a %s instance',
    (state) => {
      for (const policy of ['all', 'any', 0] as const) expect(isReady(policy, state, tasks('running'))).toBe(false);
    },
  );
});

describe('checkReadinessPolicy', () => {
  it('refuses what is neither all, any nor a share', () => {
    for (const policy of ['some', -0.1, 1.1, NaN, undefined, true]) {
      expect(() => checkReadinessPolicy(policy)).toThrow(ConfigurationError);
    }
    for (const policy of ['all', 'any', 0, 0.5, 1]) expect(() => checkReadinessPolicy(policy)).not.toThrow();
  });
});
