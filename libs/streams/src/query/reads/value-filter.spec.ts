import { describe, expect, it } from 'vitest';
import { ValueFilter } from './value-filter.js';

describe('a condition', () => {
  const value = {
    n: 5,
    name: 'Ann',
    tags: ['x'],
    owner: { age: 30 },
    flag: true,
    none: null,
    big: 5n,
    id: 9_007_199_254_740_992n,
  };
  it.each([
    [['n=5'], true],
    [['n!=5'], false],
    [['n>=5', 'n<6'], true],
    [['n>5'], false],
    [['name=Ann'], true],
    [['name="Ann"'], true],
    [['name>Al'], true],
    [['owner.age<=30'], true],
    [['owner.size=1'], false],
    [['owner.size!=1'], true],
    [['flag=true'], true],
    [['none=null'], true],
    [['n>Ann'], false],
    [['big=5'], true],
    [['big=5.0'], true],
    [['big>4.5', 'big<5.5'], true],
    [['id=9007199254740993'], false],
    [['id<9007199254740993'], true],
    [['id=9007199254740992'], true],
    [['toString=1'], false],
    [['__proto__.x!=1'], true],
    [['name = Ann'], true],
  ])('%j is met: %s', (where, expected) => {
    expect(new ValueFilter(where).matches(value)).toBe(expected);
  });

  it.each(['', 'n', '=5', '>', 'x'.repeat(2000)])('is not read from %j', (where) => {
    expect(() => new ValueFilter([where])).toThrow(/"where"/);
  });

  it('may stand 16 times', () => {
    expect(() => new ValueFilter(Array.from({ length: 17 }, () => 'n=1'))).toThrow(/16 times/);
  });
});
