import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFeedPosition, parseFeedPosition } from './feed-position.js';
import { SnapshotMarks } from './snapshot-marks.js';

describe('the position of a feed', () => {
  it('is read as it is written', () => {
    const offset = fc.option(fc.nat({ max: 2 ** 40 }), { nil: undefined });
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 42 }), fc.array(offset, { minLength: 2, maxLength: 20 }), (at, offsets) => {
        expect(parseFeedPosition(formatFeedPosition({ at, offsets }))).toEqual({ at, offsets });
      }),
    );
  });

  it.each(['', 'x', '-', '1-A', '1-1 ', '!-1', `1-${'z'.repeat(20)}`])('is not read from %j', (text) => {
    const position = parseFeedPosition(text);
    expect(position === undefined || position.offsets.every((offset) => offset === undefined)).toBe(true);
  });
});

describe('the marks of a snapshot', () => {
  it('cover what the page of a key has shown, and nothing else', () => {
    const marks = new SnapshotMarks();
    marks.add(Buffer.from('g'), 10);
    marks.add(Buffer.from('p'), 20);
    marks.add(undefined, 30);
    const covered = (key: string, offset: number): boolean => marks.covers(Buffer.from(key), offset);
    expect([
      covered('a', 9),
      covered('a', 10),
      covered('g', 9),
      covered('h', 9),
      covered('h', 19),
      covered('h', 20),
    ]).toEqual([true, false, true, true, true, false]);
    expect([covered('z', 29), covered('z', 30)]).toEqual([true, false]);
    marks.passed(30);
    expect(covered('z', 29)).toBe(false);
  });
});
