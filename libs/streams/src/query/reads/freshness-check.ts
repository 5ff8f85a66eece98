import { QueryError } from '../problem/query-error.js';
import type { ReadablePartition } from './locate-partition.js';
import type { Freshness, ReadBounds } from './partition-reads.js';

const RETRY_S = 1;

/** The problem of an answer that is not as fresh as was asked; undefined if it is. */
export function unmetBound(
  store: string,
  { local }: ReadablePartition,
  { partition, position, role, stalenessMs, lag }: Freshness,
  bounds: ReadBounds,
): QueryError | undefined {
  const members = { store, partition, role, position, lag, retryAfterS: RETRY_S };
  if (bounds.maxStalenessMs !== undefined && stalenessMs > bounds.maxStalenessMs) {
    const age = Number.isFinite(stalenessMs) ? `may be ${Math.round(stalenessMs)} ms old` : 'is of unknown age';
    const text = `The ${role} of partition ${partition} ${age}, and ${bounds.maxStalenessMs} ms are allowed.`;
    return new QueryError('too-stale', text, { members, retryAfterS: RETRY_S });
  }
  const isBehind =
    (bounds.position !== undefined && position < bounds.position) ||
    bounds.sources?.some(({ topic, offset }) => (local.processed(topic) ?? -1) < offset);
  if (!isBehind) return undefined;
  const text = `The ${role} of partition ${partition} has not reached the position that was asked for. Wait for it with "Prefer: wait=<seconds>", or with "waitMs" in code.`;
  return new QueryError('position-not-reached', text, { members, retryAfterS: RETRY_S });
}
