import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFeedPosition, parseFeedPosition } from './feed-position.js';

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
