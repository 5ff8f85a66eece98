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
  capacity: 1,
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

  it('moves only the state that a joining member needs, and only that which a leaving member had', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 1, max: 6 }), (count, memberCount) => {
        const tasks = tasksOf(count);
        const names = Array.from({ length: memberCount + 1 }, (_, index) => `${index}`);
        const owned = (assignment: Map<string, TaskId[]>, list: string[]): AssignorMember[] =>
          list.map((name) => member(name, assignment.get(`m-${name}`)));
        const stateful = tasks.flatMap(({ id, isStateful }) => (isStateful ? [id] : []));
        const own = (assignment: Map<string, TaskId[]>, id: string): TaskId[] =>
          stateful.filter((task) => assignment.get(id)?.includes(task));
        const kept = (a: Map<string, TaskId[]>, b: Map<string, TaskId[]>): number =>
          [...a.keys()].reduce((sum, id) => sum + own(a, id).filter((task) => own(b, id).includes(task)).length, 0);

        const before = assignSticky(owned(new Map(), names.slice(0, -1)), tasks);
        const joined = assignSticky(owned(before, names), tasks);
        expect(kept(before, joined)).toBe(stateful.length - Math.floor(stateful.length / names.length));

        const left = assignSticky(owned(joined, names.slice(1)), tasks);
        expect(kept(joined, left)).toBe(stateful.length - own(joined, 'm-0').length);
      }),
    );
  });

  it('returns a task to the member that has its state after a restart under a new member id', () => {
    const tasks: AssignableTask[] = [0, 1, 2, 3].map((partition) => ({ id: taskId(0, partition), isStateful: true }));
    const assignment = assignSticky([member('a', ['0_0', '0_1']), member('b', [], ['0_2', '0_3'])], [...tasks]);
    expect(assignment.get('m-a')).toEqual(['0_0', '0_1']);
    expect(assignment.get('m-b')).toEqual(['0_2', '0_3']);
  });

  it('keeps to the shares of capacities, of stateful tasks and of all, and moves nothing when asked again', () => {
    const capacities = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.nat(60), capacities, world, (count, weights, { members }) => {
        const tasks = tasksOf(count);
        const known = new Set(tasks.map(({ id }) => id));
        const weighed = weights.map((capacity, index) => ({
          ...member(
            `${index}`,
            members[index]?.ownedTasks.filter((id) => known.has(id)),
          ),
          capacity,
        }));
        const assignment = assignSticky(weighed, tasks);
        const all = weights.reduce((sum, each) => sum + each, 0);
        const stateful = new Set(tasks.filter(({ isStateful }) => isStateful).map(({ id }) => id));
        for (const { memberId, capacity } of weighed) {
          const own = assignment.get(memberId)!;
          expect(Math.abs(own.length - (count * capacity) / all)).toBeLessThan(2);
          const share = (stateful.size * capacity) / all;
          expect(Math.abs(own.filter((id) => stateful.has(id)).length - share)).toBeLessThan(1);
        }
        expect([...assignment.values()].flat().sort()).toEqual(tasks.map(({ id }) => id).sort());
        const again = weighed.map((each) => ({ ...each, ownedTasks: assignment.get(each.memberId)! }));
        expect(assignSticky(again, tasks)).toEqual(assignment);
      }),
    );
  });

  it('shares stateful tasks out although stateless ones would make up the numbers', () => {
    const stateful: TaskId[] = ['0_0', '0_2', '0_4', '0_6'];
    const tasks = [...stateful, '0_1', '0_3', '0_5', '0_7'].map((id) => ({
      id: id as TaskId,
      isStateful: stateful.includes(id as TaskId),
    }));
    const assignment = assignSticky([member('a', stateful), member('b', ['0_1', '0_3', '0_5', '0_7'])], tasks);
    expect(assignment.get('m-a')!.filter((id) => stateful.includes(id))).toHaveLength(2);
    expect(sizes(assignment)).toEqual([4, 4]);
  });
});
