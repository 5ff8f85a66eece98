import { describe, expect, it } from 'vitest';
import { APP_FAULTS, planFaults, type PlannedFault } from './fault-plan.js';
import { Random } from './random.js';

function planned(seed: number, count: number): PlannedFault[] {
  const targets = ['a', 'b', 'c'];
  const plan = planFaults(new Random(seed), { kinds: APP_FAULTS, targets, allowsDouble: true, maxHoldMs: 30_000 });
  return Array.from({ length: count }, () => plan.next().value);
}

describe('a fault plan', () => {
  it('is the same for the same seed and another for another', () => {
    expect(planned(7, 50)).toEqual(planned(7, 50));
    expect(planned(7, 50)).not.toEqual(planned(8, 50));
  });

  it('begins with one fault of each kind', () => {
    for (let seed = 0; seed < 20; seed++) {
      const kinds = planned(seed, APP_FAULTS.length).map(({ kind }) => kind);
      expect(kinds.toSorted()).toEqual([...APP_FAULTS].toSorted());
    }
  });

  it('pauses for longer than a session only where it says so, and never for longer than allowed', () => {
    const faults = planned(1, 500);
    for (const { kind, holdMs } of faults) {
      expect(holdMs).toBeLessThanOrEqual(30_000);
      if (kind === 'app-long-pause') expect(holdMs).toBeGreaterThan(10_000);
      if (kind === 'app-pause') expect(holdMs).toBeLessThan(10_000);
    }
    expect(new Set(faults.map(({ targets }) => targets.length))).toEqual(new Set([1, 2]));
  });
});
