import { describe, expect, it } from 'vitest';
import { CopyLag } from './copy-freshness.js';

describe('the lag of a copy', () => {
  it('is not known before somebody has looked', () => {
    expect(new CopyLag().of(5, 100)).toEqual({ lag: undefined, stalenessMs: undefined });
  });

  it('dates what the copy holds by the last end that it has reached', () => {
    const lag = new CopyLag();
    lag.look(10, 1000);
    expect(lag.of(4, 1100)).toEqual({ lag: 6, stalenessMs: undefined });
    lag.look(20, 1500);
    expect(lag.of(12, 1600)).toEqual({ lag: 8, stalenessMs: 600 });
    expect(lag.of(20, 1700)).toEqual({ lag: 0, stalenessMs: 200 });
    expect(lag.of(20, 2700)).toEqual({ lag: 0, stalenessMs: 1200 });
    lag.look(20, 2800);
    expect(lag.of(20, 2900)).toEqual({ lag: 0, stalenessMs: 100 });
  });

  it('keeps its age however many looks find it behind', () => {
    const lag = new CopyLag();
    lag.look(1, 0);
    expect(lag.of(1, 10).stalenessMs).toBe(10);
    for (let at = 1; at <= 100; at++) lag.look(1000 + at, at * 100);
    expect(lag.of(5, 20_000)).toEqual({ lag: 1095, stalenessMs: 20_000 });
  });
});
