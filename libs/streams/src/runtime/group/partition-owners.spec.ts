import { expect, it } from 'vitest';
import type { TaskId } from '../../topology/processor.js';
import { PartitionOwners } from './partition-owners.js';

const owner = (instanceId: string, url?: string) => ({ instanceId, url });
const tasks = (...entries: [string, ReturnType<typeof owner>][]): Map<TaskId, ReturnType<typeof owner>> =>
  new Map(entries as [TaskId, ReturnType<typeof owner>][]);

it('names the instances of the last assignment, with owners before neighbours', () => {
  const owners = new PartitionOwners('a');
  owners.update(tasks(['0_0', owner('a', 'http://a')], ['0_1', owner('b')]), 1, new Map([['b', 'http://old']]));
  expect([...owners.instances]).toEqual([
    ['b', undefined],
    ['a', 'http://a'],
  ]);
  owners.update(undefined, 2, new Map([['c', 'http://c']]));
  expect([...owners.instances]).toEqual([['c', 'http://c']]);
});

it('names them without work, since each forwarded read asks', () => {
  const owners = new PartitionOwners('a');
  owners.update(tasks(['0_0', owner('a')]), 1);
  expect(owners.instances).toBe(owners.instances);
});

it('remembers who owned a task until somebody else does', () => {
  const owners = new PartitionOwners('a');
  owners.update(tasks(['0_0', owner('a')], ['0_1', owner('b')]), 1);
  owners.update(tasks(['0_0', owner('a')]), 2);
  expect(owners.allDeparted(new Set(['a']))).toEqual(['b']);
  owners.update(tasks(['0_1', owner('a')]), 3);
  expect(owners.allDeparted(new Set(['a']))).toEqual([]);
});
