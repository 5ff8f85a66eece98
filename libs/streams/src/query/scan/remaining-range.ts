import type { KeyBounds } from '../../stores/store-engine.js';
import { bounds, keyAfter, type ScanOrder } from './key-range.js';
import type { ScanPosition } from './merge-streams.js';

/** What of a range follows an entry of a scan, in one of its partitions. */
export function remainingRange(
  { gte, lt }: KeyBounds,
  order: ScanOrder,
  after: ScanPosition | undefined,
  partition: number,
): KeyBounds {
  if (after === undefined) return { ...(gte && { gte }), ...(lt && { lt }) };
  const isPassed = order === 'asc' ? partition <= after.partition : partition >= after.partition;
  if (order === 'asc') return bounds(isPassed ? keyAfter(after.key) : after.key, lt);
  return bounds(gte, isPassed ? after.key : keyAfter(after.key));
}
