import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.js';

describe('a simulated world', () => {
  it('replays a seed event for event', { timeout: 60_000 }, async () => {
    const first = await simulate(7);
    const second = await simulate(7);
    expect(second.trace).toEqual(first.trace);
    expect(first.trace.length).toBeGreaterThan(50);
    expect((await simulate(8)).traceHash).not.toBe(first.traceHash);
  });
});
