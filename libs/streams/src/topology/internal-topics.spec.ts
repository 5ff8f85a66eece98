import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applicationIdProblem, changelogName, storeNameProblem } from './internal-topics.js';

type Names = readonly [applicationId: string, store: string];

function areLegal([applicationId, store]: Names): boolean {
  return applicationIdProblem(applicationId) === undefined && storeNameProblem(store) === undefined;
}

/** The same words, cut into two names at two places. */
const twoCuts = fc
  .tuple(fc.array(fc.stringMatching(/^[ab.]{0,2}$/), { minLength: 2, maxLength: 6 }), fc.nat(6), fc.nat(6))
  .map(([words, ...places]) => places.map((at): Names => [words.slice(0, at).join('-'), words.slice(at).join('-')]))
  .filter((cuts) => cuts.every(areLegal));

describe('the names of changelogs', () => {
  it('stay what they were for stores without dashes', () => {
    expect(changelogName('bank', 'balances')).toBe('bank-balances-changelog');
    expect(changelogName('bank-eu', 'balances')).toBe('bank-eu-balances-changelog');
  });

  it.each([
    ['col', 'a-kv', 'col-a', 'kv'],
    ['a', 'b-c-d', 'a-b', 'c-d'],
    ['a', 'b--c', 'a-b', '-c'],
  ])('differ for the store %s/%s and %s/%s', (one, first, other, second) => {
    expect(changelogName(one, first)).not.toBe(changelogName(other, second));
  });

  it('differ for any two stores, whatever their applications', () => {
    fc.assert(
      fc.property(twoCuts, ([one, other]) => {
        expect(changelogName(...one!) === changelogName(...other!)).toBe(
          one![0] === other![0] && one![1] === other![1],
        );
      }),
      { numRuns: 2000 },
    );
  });
});
