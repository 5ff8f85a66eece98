import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from './replay-window.js';

describe('the replay window', () => {
  it('takes each number of a session once, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 400 }), (numbers) => {
        const window = new ReplayWindow(1000);
        const seen = new Set<number>();
        for (const number of numbers) {
          expect(window.take('s', number, 0)).toBe(!seen.has(number));
          seen.add(number);
        }
      }),
    );
  });

  it('refuses what is too old to tell, and keeps sessions apart', () => {
    const window = new ReplayWindow(1000);
    expect(window.take('a', 10_000, 0)).toBe(true);
    expect(window.take('a', 10_000 - 4096, 0)).toBe(false);
    expect(window.take('a', 10_000 - 4095, 0)).toBe(true);
    expect(window.take('a', 10_000 - 4095, 0)).toBe(false);
    expect(window.take('b', 10_000, 0)).toBe(true);
    expect(window.take('a', Number.NaN, 0)).toBe(false);
  });

  it('forgets silent sessions before it refuses new ones', () => {
    const window = new ReplayWindow(1000);
    for (let n = 0; n < 10_000; n++) window.take(`s${n}`, 0, 0);
    expect(window.take('new', 0, 500)).toBe(false);
    expect(window.take('new', 0, 1001)).toBe(true);
  });
});
