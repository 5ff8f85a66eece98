import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DisputedGroup, TASKS, type Event } from './testing/disputed-group.js';

const subset = fc.subarray([...TASKS]);
const simple = (...kinds: ('revoke' | 'lose' | 'recover' | 'replace' | 'hold' | 'release' | 'settle')[]) =>
  fc.constantFrom(...kinds).map((kind): Event => ({ kind }));
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('assign' as const), tasks: subset, standbys: subset }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), fails: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('damage' as const), task: fc.constantFrom(...TASKS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('late' as const), task: fc.constantFrom(...TASKS) }) },
  { weight: 4, arbitrary: simple('settle') },
  { weight: 6, arbitrary: simple('revoke', 'lose', 'recover', 'replace', 'hold', 'release') },
);

/** A membership is lost, and its successor's assignment comes, while an assignment of the former one waits. */
const LOST_WHILE_WAITING: Event[] = [
  { kind: 'assign', tasks: ['0_2'], standbys: [] },
  { kind: 'commit', fails: false },
  { kind: 'assign', tasks: [], standbys: [] },
  { kind: 'lose' },
  { kind: 'damage', task: '0_0' },
  { kind: 'assign', tasks: ['0_1', '0_2'], standbys: [] },
  { kind: 'commit', fails: false },
  { kind: 'assign', tasks: [], standbys: [] },
  { kind: 'settle' },
  { kind: 'commit', fails: false },
  { kind: 'assign', tasks: [], standbys: [] },
];

it('begins no task and no commit that another member may own, in whatever order things happen', async () => {
  const counts = { commits: 0, activations: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 40, size: 'max' }), async (events) => {
      const group = new DisputedGroup();
      for (const each of events) await group.happen(each);
      await group.close();
      counts.commits += group.commits;
      counts.activations += group.activations;
      expect(group.violations).toEqual([]);
    }),
    { numRuns: 120, examples: [[LOST_WHILE_WAITING]] },
  );
  expect(counts.commits).toBeGreaterThan(100);
  expect(counts.activations).toBeGreaterThan(300);
}, 60_000);

it.each([0, 1, 2, 3, 4])(
  'claims a task whose handler was given up while its user code is made again (%d)',
  async (rounds) => {
    const group = new DisputedGroup();
    const settle = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await group.happen({ kind: 'settle' });
    };
    await group.happen({ kind: 'assign', tasks: TASKS, standbys: [] });
    await settle(5);
    await group.happen({ kind: 'late', task: '0_0' });
    await settle(rounds);
    await group.happen({ kind: 'assign', tasks: TASKS.slice(1), standbys: [] });
    await settle(5);
    await group.close();
    expect(group.violations).toEqual([]);
  },
);
