import { expect, it } from 'vitest';
import { violations, type Outcome } from './invariants.js';
import type { Entry, Ledger } from './ledger-topology.js';

const entries: Entry[] = [
  { id: 0, account: 'a', amount: 5 },
  { id: 1, account: 'a', amount: 2 },
];
const first: Ledger = { count: 1, balance: 5, lastId: 0, attempt: 1 };
const second: Ledger = { count: 2, balance: 7, lastId: 1, attempt: 3 };
const right: Outcome = {
  guarantee: 'exactly_once',
  entries,
  stored: new Map([['a', second]]),
  changelog: new Map([['a', second]]),
  outputs: [
    { account: 'a', ledger: first },
    { account: 'a', ledger: second },
  ],
  seen: [first, second],
};

const closing: Entry = { id: 2, account: 'a', amount: 0, closes: true };
const closed: Ledger = { count: 0, balance: 0, lastId: 2, attempt: 4 };
const outputs = [...right.outputs, { account: 'a', ledger: closed }];

it('the judge of a simulated world finds an account that came back after it was closed', () => {
  const after = { ...right, entries: [...entries, closing], outputs };
  expect(violations({ ...after, stored: new Map(), changelog: new Map() })).toEqual([]);
  expect(violations(after).join()).toMatch(/a is .*not 0 entries/);
});

it.each<[string, Partial<Outcome>, RegExp]>([
  ['an output twice', { outputs: [...right.outputs, { account: 'a', ledger: second }] }, /outputs of a are 0,1,1/],
  ['an output that is missing', { outputs: right.outputs.slice(1) }, /outputs of a are 1/],
  ['outputs out of order', { outputs: right.outputs.toReversed() }, /outputs of a are 1,0/],
  [
    'a store that lost an entry',
    { stored: new Map([['a', first]]), changelog: new Map([['a', first]]) },
    /a is .*not 2/,
  ],
  ['a store that is not its changelog', { changelog: new Map([['a', first]]) }, /differ from their changelog/],
  ['a query of what was dropped', { seen: [{ ...second, attempt: 2 }] }, /saw what was never committed/],
  [
    'an output that is missing, at least once',
    { guarantee: 'at_least_once', outputs: right.outputs.slice(1) },
    /miss 0/,
  ],
])('the judge of a simulated world finds %s', (_, wrong, found) => {
  expect(violations(right)).toEqual([]);
  expect(violations({ ...right, ...wrong }).join()).toMatch(found);
});
