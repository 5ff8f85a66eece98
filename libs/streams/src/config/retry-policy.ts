import type { BadRecordAction, RetryPolicy } from './bad-record-policy.js';
import { parseDuration } from './duration.js';

const ACTIONS: readonly unknown[] = ['fail', 'continue', 'deadLetter'];

/** The waits of a retry policy, in milliseconds. */
export interface RetryWaits {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly jitter: number;
}

/** For functions that answer `'retry'`. */
export const DEFAULT_WAITS: RetryWaits = { attempts: Infinity, backoffMs: 100, maxBackoffMs: 10_000, jitter: 0 };

export function isBadRecordAction(value: unknown): value is BadRecordAction {
  return ACTIONS.includes(value);
}

/** @returns undefined if it is none. */
export function readRetryPolicy(policy: unknown): { waits: RetryWaits; finally: BadRecordAction } | undefined {
  if (typeof policy !== 'object' || policy === null) return undefined;
  const { retry, finally: last, ...others } = policy as Partial<RetryPolicy>;
  if (typeof retry !== 'object' || retry === null || !isBadRecordAction(last)) return undefined;
  const { attempts, backoff, maxBackoff, jitter = 0, ...unknowns } = retry as Partial<RetryPolicy['retry']>;
  if (Object.keys(others).length + Object.keys(unknowns).length > 0) return undefined;
  const backoffMs = parseDuration(backoff ?? DEFAULT_WAITS.backoffMs);
  if (backoffMs === undefined || backoffMs < 1) return undefined;
  const maxBackoffMs = parseDuration(maxBackoff ?? Math.max(backoffMs, DEFAULT_WAITS.maxBackoffMs));
  if (maxBackoffMs === undefined || maxBackoffMs < backoffMs) return undefined;
  if (!Number.isSafeInteger(attempts) || attempts! < 1) return undefined;
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) return undefined;
  return { waits: { attempts: attempts!, backoffMs, maxBackoffMs, jitter }, finally: last };
}

/** The wait after the failure number `attempt`. @param random between 0 and 1 */
export function waitAfter(attempt: number, { backoffMs, maxBackoffMs, jitter }: RetryWaits, random: number): number {
  const wait = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 30));
  return wait * (1 - jitter * random);
}
