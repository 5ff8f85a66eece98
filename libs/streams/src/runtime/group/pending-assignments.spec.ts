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
  { weight: 4, arbitrary: simple('settle') },
  { weight: 6, arbitrary: simple('revoke', 'lose', 'recover', 'replace', 'hold', 'release') },
);

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
    { numRuns: 120 },
  );
  expect(counts.commits).toBeGreaterThan(100);
  expect(counts.activations).toBeGreaterThan(300);
}, 60_000);
