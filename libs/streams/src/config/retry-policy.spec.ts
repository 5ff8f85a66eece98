import { describe, expect, it } from 'vitest';
import { readRetryPolicy, waitAfter } from './retry-policy.js';

describe('a retry policy', () => {
  it('doubles the wait up to its longest, less the share left to chance', () => {
    const { waits } = readRetryPolicy({
      retry: { attempts: 9, backoff: '100ms', maxBackoff: '1s', jitter: 0.5 },
      finally: 'fail',
    })!;
    expect([1, 2, 3, 4, 5, 500].map((attempt) => waitAfter(attempt, waits, 0))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
    expect(waitAfter(2, waits, 1)).toBe(100);
  });

  it.each([
    { retry: { attempts: 3 } },
    { retry: { attempts: 0 }, finally: 'fail' },
    { retry: { attempts: 1.5 }, finally: 'fail' },
    { retry: { attempts: 3, backoff: 'soon' }, finally: 'fail' },
    { retry: { attempts: 3, backoff: '2s', maxBackoff: '1s' }, finally: 'fail' },
    { retry: { attempts: 3, jitter: 2 }, finally: 'fail' },
    { retry: { attempts: 3, backOff: '1s' }, finally: 'fail' },
    { retry: { attempts: 3 }, finally: 'retry' },
  ])('is none if it cannot work: %j', (policy) => {
    expect(readRetryPolicy(policy)).toBeUndefined();
  });
});
