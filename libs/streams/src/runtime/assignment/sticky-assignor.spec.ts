import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskId } from '../../topology/processor.js';
import { taskId } from '../../topology/task-id.js';
import { assignSticky, type AssignableTask, type AssignorMember } from './sticky-assignor.js';

const tasksOf = (count: number): AssignableTask[] =>
  Array.from({ length: count }, (_, index) => ({ id: taskId(index % 2, index >> 1), isStateful: index % 3 !== 0 }));
const member = (name: string, ownedTasks: TaskId[] = [], storedTasks = ownedTasks): AssignorMember => ({
  memberId: `m-${name}`,
  processId: `p-${name}`,
  ownedTasks,
  storedTasks,
});

const world = fc.integer({ min: 0, max: 24 }).chain((count) => {
  const tasks = tasksOf(count);
  const some = fc.subarray(tasks.map(({ id }) => id));
  return fc.record({
    tasks: fc.constant(tasks),
    members: fc
      .array(fc.tuple(some, some), { minLength: 1, maxLength: 7 })
      .map((claims) => claims.map(([owned, stored], index) => member(`${index}`, owned, stored))),
    seed: fc.integer(),
  });
});

const sizes = (assignment: Map<string, TaskId[]>): number[] => [...assignment.values()].map((tasks) => tasks.length);

describe('assignSticky', () => {
  it('gives every task to exactly one member, balanced, whatever members claim', () => {
    fc.assert(
      fc.property(world, ({ tasks, members }) => {
        const assignment = assignSticky(members, tasks);
        expect([...assignment.keys()].sort()).toEqual(members.map(({ memberId }) => memberId).sort());
        expect([...assignment.values()].flat().sort()).toEqual(tasks.map(({ id }) => id).sort());
        expect(Math.max(...sizes(assignment)) - Math.min(...sizes(assignment))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is the same for every order of members and tasks', () => {
    fc.assert(
      fc.property(world, ({ tasks, members }) => {
        const expected = [...assignSticky(members, tasks)].sort();
        expect([...assignSticky([...members].reverse(), [...tasks].reverse())].sort()).toEqual(expected);
      }),
    );
  });

  it('moves no task when a balanced assignment is assigned again', () => {
    fc.assert(
      fc.property(world, ({ tasks, members }) => {
        const first = assignSticky(members, tasks);
        const again = members.map(({ memberId }) => member(memberId.slice(2), first.get(memberId)));
        expect(assignSticky(again, tasks)).toEqual(first);
      }),
    );
  });

  it('moves only what a joining member needs, and only what a leaving member had', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 1, max: 6 }), (count, memberCount) => {
        const tasks = tasksOf(count);
        const names = Array.from({ length: memberCount + 1 }, (_, index) => `${index}`);
        const owned = (assignment: Map<string, TaskId[]>, list: string[]): AssignorMember[] =>
          list.map((name) => member(name, assignment.get(`m-${name}`)));
        const kept = (a: Map<string, TaskId[]>, b: Map<string, TaskId[]>): number =>
          [...a].reduce((sum, [id, list]) => sum + list.filter((task) => b.get(id)?.includes(task)).length, 0);

        const before = assignSticky(owned(new Map(), names.slice(0, -1)), tasks);
        const joined = assignSticky(owned(before, names), tasks);
        expect(kept(before, joined)).toBe(count - Math.floor(count / names.length));

        const left = assignSticky(owned(joined, names.slice(1)), tasks);
        expect(kept(joined, left)).toBe(count - (joined.get('m-0')?.length ?? 0));
      }),
    );
  });

  it('returns a task to the member that has its state after a restart under a new member id', () => {
    const tasks: AssignableTask[] = [0, 1, 2, 3].map((partition) => ({ id: taskId(0, partition), isStateful: true }));
    const assignment = assignSticky([member('a', ['0_0', '0_1']), member('b', [], ['0_2', '0_3'])], [...tasks]);
    expect(assignment.get('m-a')).toEqual(['0_0', '0_1']);
    expect(assignment.get('m-b')).toEqual(['0_2', '0_3']);
  });
});
