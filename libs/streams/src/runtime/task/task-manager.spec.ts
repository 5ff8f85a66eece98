import { describe, expect, it } from 'vitest';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { TaskId } from '../../topology/processor.js';
import { tenureOf } from '../commit/testing/fake-commits.js';
import { EngineFailure } from '../engine-failure.js';
import { StateMachine } from '../state-machine.js';
import { TaskManager, type TaskManagerOptions } from './task-manager.js';
import { TASK_TRANSITIONS } from './task-state.js';
import type { Task } from './task.js';

/** A manager whose tasks wait for ever for their stores, and what happened to those. */
function world(): { readonly tasks: TaskManager; readonly seen: string[] } {
  const seen: string[] = [];
  const create = (_sub: unknown, partition: number): Task => {
    const id: TaskId = `0_${partition}`;
    const store = {
      open: async () => undefined,
      setBufferLimit: () => undefined,
      discard: () => undefined,
      wipe: async () => void seen.push(`wiped ${id}`),
    };
    return {
      id,
      state: new StateMachine(`Task ${id}`, TASK_TRANSITIONS, 'created'),
      hasUserCode: true,
      engineFailure: new EngineFailure(),
      stores: { all: [{ store }], get: () => ({ store }), discard: () => undefined },
      records: { abandon: () => undefined },
      closeUserCode: async () => undefined,
    } as unknown as Task;
  };
  const tasks = new TaskManager({
    factory: { create },
    assignment: { locate: (id: TaskId) => ({ sub: {}, partition: Number(id.split('_')[1]) }) },
    restorer: { restore: () => new Promise(() => undefined) },
    follower: {
      follow: (task: Task) => void seen.push(`followed ${task.id}`),
      mend: (task: Task) => void seen.push(`restored the standby ${task.id}`),
    },
    input: { remove: () => undefined },
    cacheMaxBytes: 0,
    onFailure: () => undefined,
    onChange: () => undefined,
  } as unknown as TaskManagerOptions);
  return { tasks, seen };
}

describe('damage that was found in a store', () => {
  const error = new StoreCorruptedError('balances', '0_1', 'the test damaged it');

  it('is wiped where the task is active', async () => {
    const { tasks, seen } = world();
    void tasks.assign(['0_0', '0_1'], tenureOf(), new Promise(() => undefined));
    await new Promise((resolve) => setImmediate(resolve));
    await tasks.wipe(error);
    expect(seen).toEqual(['wiped 0_1']);
  });

  it('is restored as that of a standby where the task became one before the damage was treated', async () => {
    const { tasks, seen } = world();
    const ended = tenureOf();
    void tasks.assign(['0_0', '0_1'], ended, new Promise(() => undefined));
    await new Promise((resolve) => setImmediate(resolve));
    ended.end();
    const releasing = tasks.release([tasks.get('0_1')!], ['0_1']);
    await releasing;
    await tasks.wipe(error);
    expect(seen).toEqual(['followed 0_1', 'restored the standby 0_1']);
  });
});
