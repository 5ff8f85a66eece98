import type { RuntimeConfig } from '../../config/runtime-config.js';

/** Where no key comes twice, longer rests would only make longer commits. */
const COMMIT_INTERVALS = 4;
/** The rest of the time-out is left to the commit itself. */
const SHARE_OF_TRANSACTION = 1 / 2;

/** @returns how long commits may leave processing to itself while records wait, ms; a transaction may have begun where the rest begins. */
export function longestRestMs({
  commitIntervalMs,
  transactionTimeoutMs,
}: Pick<RuntimeConfig, 'commitIntervalMs' | 'transactionTimeoutMs'>): number {
  return Math.min(COMMIT_INTERVALS * commitIntervalMs, SHARE_OF_TRANSACTION * transactionTimeoutMs);
}
