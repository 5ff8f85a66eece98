import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskId } from '../../topology/processor.js';
import { taskId } from '../../topology/task-id.js';
import { assignTasks, type MemberTasks, type StandbyMember, type StandbyTask } from './task-assignor.js';

const OPTIONS = { standbyReplicas: 1, maxWarmupReplicas: 2, rackAwareTags: [] };

const member = (name: string, of: Partial<StandbyMember> = {}): StandbyMember => ({
  memberId: `m-${name}`,
  processId: name,
  ownedTasks: [],
  storedTasks: [],
  readyTasks: [],
  capacity: 1,
  rackTags: {},
  ...of,
});
const big = (count: number): StandbyTask[] =>
  Array.from({ length: count }, (_, n) => ({ id: taskId(0, n), isStateful: true, isQuick: false }));

const tasks = fc
  .array(fc.record({ isStateful: fc.boolean(), isQuick: fc.boolean() }), { maxLength: 30 })
  .map((kinds) => kinds.map((kind, n): StandbyTask => ({ id: taskId(n % 3, n), ...kind })));
const world = tasks.chain((all) => {
  const some = fc.subarray(all.map(({ id }) => id));
  const state = fc.record({ ownedTasks: some, storedTasks: some, readyTasks: some });
  return fc.record({
    all: fc.constant(all),
    members: fc
      .array(state, { minLength: 1, maxLength: 6 })
      .map((states) => states.map((each, n) => member(`p${n}`, { ...each, rackTags: { zone: `z${n % 3}` } }))),
    options: fc.record({
      standbyReplicas: fc.nat(3),
      maxWarmupReplicas: fc.integer({ min: 1, max: 3 }),
      rackAwareTags: fc.constantFrom([], ['zone']),
    }),
  });
});

describe('the assignor', () => {
  it('gives each task to one member, and each copy to another, as many as there may be', () => {
    fc.assert(
      fc.property(world, ({ all, members, options }) => {
        const assigned = [...assignTasks(members, all, options).members.values()];
        expect(assigned.flatMap(({ active }) => active).toSorted()).toEqual(all.map(({ id }) => id).toSorted());
        for (const { active, standby } of assigned) {
          expect(new Set([...active, ...standby]).size).toBe(active.length + standby.length);
        }
        for (const { id, isStateful } of all) {
          const copies = assigned.filter(({ standby }) => standby.includes(id)).length;
          const wanted = isStateful ? Math.min(options.standbyReplicas, members.length - 1) : 0;
          expect(copies).toBeGreaterThanOrEqual(wanted);
          expect(copies).toBeLessThanOrEqual(Math.max(wanted, isStateful ? 1 : 0));
        }
      }),
    );
  });

  it('does not depend on the order of members and tasks', () => {
    fc.assert(
      fc.property(world, ({ all, members, options }) => {
        const one = assignTasks(members, all, options);
        const other = assignTasks([...members].reverse(), [...all].reverse(), options);
        expect([...one.members].toSorted()).toEqual([...other.members].toSorted());
        expect(one.isWarmingUp).toBe(other.isWarmingUp);
      }),
    );
  });

  it('comes to rest, balanced, once all copies are ready', () => {
    fc.assert(
      fc.property(world, ({ all, members, options }) => {
        let state = members;
        let assigned = assignTasks(state, all, options);
        for (let round = 0; assigned.isWarmingUp && round < all.length + 1; round++) {
          state = state.map((each) => {
            const { active, standby } = assigned.members.get(each.memberId) as MemberTasks;
            return {
              ...each,
              ownedTasks: active,
              storedTasks: [...active, ...standby],
              readyTasks: [...active, ...standby],
            };
          });
          assigned = assignTasks(state, all, options);
        }
        expect(assigned.isWarmingUp).toBe(false);
        const counts = [...assigned.members.values()].map(({ active }) => active.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('leaves tasks where they are until a newcomer has copies, a few at a time', () => {
    const all = big(8);
    const ids = all.map(({ id }) => id);
    const old = member('a', { ownedTasks: ids, storedTasks: ids, readyTasks: ids });
    const { members, isWarmingUp } = assignTasks([old, member('b')], all, { ...OPTIONS, standbyReplicas: 0 });
    expect(isWarmingUp).toBe(true);
    expect(members.get('m-a')).toEqual({ active: ids, standby: [] });
    expect(members.get('m-b')?.standby).toHaveLength(2);
  });

  it('lets the member with the ready copy take over from one that died, whatever balance asks for', () => {
    const own: TaskId[] = ['0_0', '0_1'];
    const lost: TaskId[] = ['0_2', '0_3'];
    const heir = member('a', { ownedTasks: own, storedTasks: [...own, ...lost], readyTasks: [...own, ...lost] });
    const { members } = assignTasks([heir, member('b')], big(4), OPTIONS);
    expect(members.get('m-a')?.active).toEqual([...own, ...lost]);
  });

  it('puts a copy into another zone, and where tags differ most, before it looks at disks and loads', () => {
    const ids = big(2).map(({ id }) => id);
    const at = (name: string, zone: string, rack: string, of: Partial<StandbyMember> = {}): StandbyMember =>
      member(name, { rackTags: { zone, rack }, ...of });
    const runs = at('a', 'east', '1', { ownedTasks: ids, storedTasks: ids, readyTasks: ids, capacity: 1000 });
    const members = [runs, at('b', 'east', '2', { readyTasks: ids }), at('c', 'west', '1'), at('d', 'west', '3')];
    const copies = (rackAwareTags: readonly string[]): string[] =>
      [...assignTasks(members, big(2), { ...OPTIONS, rackAwareTags }).members]
        .filter(([, { standby }]) => standby.length > 0)
        .map(([id]) => id);
    expect(copies([])).toEqual(['m-b']);
    expect(copies(['zone'])).toEqual(['m-c', 'm-d']);
    expect(copies(['zone', 'rack'])).toEqual(['m-d']);
  });

  it('never puts two places of a task into one zone while there are others', () => {
    fc.assert(
      fc.property(world, fc.integer({ min: 1, max: 2 }), ({ all, members }, standbyReplicas) => {
        const options = { ...OPTIONS, standbyReplicas, rackAwareTags: ['zone'] };
        const ready = members.map((each) => ({ ...each, readyTasks: all.map(({ id }) => id) }));
        const { members: assigned } = assignTasks(ready, all, options);
        const zones = new Set(members.map(({ rackTags }) => rackTags['zone']));
        for (const { id, isStateful } of all) {
          if (!isStateful) continue;
          const places = members.filter(({ memberId }) => {
            const { active, standby } = assigned.get(memberId) as MemberTasks;
            return active.includes(id) || standby.includes(id);
          });
          const used = new Set(places.map(({ rackTags }) => rackTags['zone']));
          expect(used.size).toBe(Math.min(zones.size, places.length));
        }
      }),
    );
  });
});
