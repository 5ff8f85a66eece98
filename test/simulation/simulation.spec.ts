import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.js';

const SEEDS = 100;

describe('a simulated world', () => {
  it('replays a seed event for event', { timeout: 60_000 }, async () => {
    const first = await simulate(7);
    const second = await simulate(7);
    expect(second.trace).toEqual(first.trace);
    expect(first.trace.length).toBeGreaterThan(50);
    expect((await simulate(8)).traceHash).not.toBe(first.traceHash);
  });

  it('keeps its promises through whatever a fresh range of seeds brings', { timeout: 180_000 }, async () => {
    const from = Date.now() % 1_000_000_000;
    const failed: string[] = [];
    for (let seed = from; seed < from + SEEDS; seed++) {
      const { violations } = await simulate(seed);
      if (violations.length > 0) failed.push(`npm run simulate -- --seed ${seed} --trace: ${violations.join('; ')}`);
    }
    expect(failed).toEqual([]);
  });
});
