import { describe, expect, it } from 'vitest';
import { longestRestMs } from './longest-rest.js';

describe('the longest rest between commits', () => {
  it('is four commit intervals', () => {
    expect(longestRestMs({ commitIntervalMs: 100, transactionTimeoutMs: 10_000 })).toBe(400);
  });

  it('leaves half of the transaction time-out to the commit', () => {
    expect(longestRestMs({ commitIntervalMs: 100, transactionTimeoutMs: 500 })).toBe(250);
  });
});
