import type { MissingPartition } from '../locate-partition.js';
import { QueryError } from './query-error.js';

const RETRY_UNKNOWN_S = 5;
const RETRY_REBALANCE_S = 2;
/** Another instance holds it: only a rebalance changes that. */
const RETRY_ELSEWHERE_S = 30;
const MAX_RETRY_S = 60;

/** The problem of a read that needs one partition. */
export function missingPartition(store: string, missing: MissingPartition): QueryError {
  const { partition } = missing;
  const where = `Partition ${partition} of the store "${store}"`;
  if (missing.reason === 'not-owner') {
    const { owner, ownerInstance } = missing;
    const next = owner ? `ask it at ${owner}` : 'it advertises no URL';
    return new QueryError('not-owner', `${where} belongs to the instance "${ownerInstance}"; ${next}.`, {
      members: { store, partition, owner, ownerInstance },
    });
  }
  const retryAfterS = retryAfter(missing);
  if (missing.reason === 'unassigned') {
    return new QueryError('unassigned', `${where} has no owner at the moment.`, {
      members: { store, partition, retryAfterS },
      retryAfterS,
    });
  }
  const { remainingRecords, etaMs } = missing;
  const left = remainingRecords === undefined ? 'the restore has not begun' : `${remainingRecords} records are left`;
  return new QueryError('restoring', `${where} is being restored; ${left}.`, {
    members: { store, partition, remainingRecords, etaMs, retryAfterS },
    retryAfterS,
  });
}

/** The problem of a scan, which needs all partitions; `restoring` if waiting is all it takes. */
export function missingPartitions(store: string, missing: readonly MissingPartition[], count: number): QueryError {
  const retryAfterS = Math.max(...missing.map(retryAfter));
  const members = { store, partitionCount: count, missing, retryAfterS };
  const names = missing.map(({ partition }) => partition).join(', ');
  const text = `A scan of the store "${store}" reads all ${count} partitions; not readable here: ${names}.`;
  if (missing.some(({ reason }) => reason !== 'restoring'))
    return new QueryError('incomplete', text, { members, retryAfterS });
  const left = missing.map((partition) => (partition.reason === 'restoring' ? partition.remainingRecords : undefined));
  const remainingRecords = left.includes(undefined) ? undefined : left.reduce<number>((sum, n) => sum + (n ?? 0), 0);
  return new QueryError('restoring', text, { members: { ...members, remainingRecords }, retryAfterS });
}

function retryAfter(missing: MissingPartition): number {
  if (missing.reason === 'not-owner') return RETRY_ELSEWHERE_S;
  if (missing.reason === 'unassigned') return RETRY_REBALANCE_S;
  const { etaMs } = missing;
  return etaMs === undefined ? RETRY_UNKNOWN_S : Math.min(MAX_RETRY_S, Math.max(1, Math.ceil(etaMs / 1000)));
}
