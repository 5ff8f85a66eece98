import { expect, it } from 'vitest';
import { UniqueNames } from './unique-names.js';

it('gives a name once, and numbers after it that are not taken either', () => {
  const names = new UniqueNames(['Problem', 'Problem3']);
  expect(['Problem', 'Problem', 'Other', 'Problem2'].map((name) => names.take(name))).toEqual([
    'Problem2',
    'Problem4',
    'Other',
    'Problem22',
  ]);
});
