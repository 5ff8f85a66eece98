import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotMarks } from './snapshot-marks.js';

describe('the marks of a snapshot', () => {
  it('cover what the page of a key has shown, and nothing else', () => {
    const key = fc.nat({ max: 30 });
    const position = fc.nat({ max: 40 });
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { maxLength: 10 }),
        fc.array(position, { minLength: 11, maxLength: 11 }),
        (lastKeys, positions) => {
          const marks = new SnapshotMarks();
          const pages = [...lastKeys.sort((a, b) => a - b), undefined].map((upTo, i) => [upTo, positions[i]] as const);
          for (const [upTo, at] of pages) marks.add(upTo === undefined ? undefined : Buffer.from([upTo]), at);
          const wrong: number[][] = [];
          for (let each = 0; each <= 31; each++) {
            const [, shownAt] = pages.find(([upTo]) => upTo === undefined || each <= upTo)!;
            for (let offset = 0; offset <= 41; offset++)
              if (marks.covers(Buffer.from([each]), offset) !== offset < shownAt) wrong.push([each, offset]);
          }
          expect(wrong).toEqual([]);
          const highest = Math.max(...pages.map(([, at]) => at));
          expect([marks.endBefore(highest - 1), marks.endBefore(highest)]).toEqual([false, true]);
        },
      ),
    );
  });
});
