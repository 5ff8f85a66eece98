import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { MissingPartition } from '../reads/locate-partition.js';
import type { ProblemName } from './problem-types.js';
import { QueryError } from './query-error.js';

const RETRY_UNKNOWN_S = 5;
const RETRY_REBALANCE_S = 2;
/** Another instance holds it: only a rebalance changes that. */
const RETRY_ELSEWHERE_S = 30;
const MAX_RETRY_S = 60;

/** The problem of a read that needs one partition. @param epoch which the asked instance knows. */
export function missingPartition(store: string, missing: MissingPartition, epoch: number): QueryError {
  const { partition } = missing;
  const where = `Partition ${partition} of the store "${store}"`;
  if (missing.reason === 'not-owner') {
    const { owner, ownerInstance } = missing;
    const next = owner ? `ask it at ${owner}` : 'it advertises no URL';
    return new QueryError('not-owner', `${where} belongs to the instance "${ownerInstance}"; ${next}.`, {
      members: { store, partition, owner, ownerInstance, epoch },
    });
  }
  const retryAfterS = retryAfter(missing);
  if (missing.reason === 'unassigned') {
    return new QueryError('unassigned', `${where} has no owner that this instance knows of.`, {
      members: { store, partition, epoch, retryAfterS },
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

/** The problem of an instance that answers no queries. */
export function notRunning({ state, instanceId }: Pick<StreamsRuntime, 'state' | 'instanceId'>): QueryError {
  return new QueryError('not-running', `The instance "${instanceId}" is ${state} and does not answer this query.`, {
    members: { state, retryAfterS: RETRY_UNKNOWN_S },
    retryAfterS: RETRY_UNKNOWN_S,
  });
}

/** The problem of a read during which its partition came and went. */
export function movingPartition({
  store,
  partition,
}: {
  readonly store: string;
  readonly partition: number;
}): QueryError {
  const text = `Partition ${partition} of the store "${store}" moved or was written to during each of several attempts to read it.`;
  return new QueryError('unassigned', text, {
    members: { store, partition, retryAfterS: RETRY_REBALANCE_S },
    retryAfterS: RETRY_REBALANCE_S,
  });
}

/** A partition that a scan could not read: `reason` is the name of the problem, whose members follow. */
export interface UnreadPartition {
  readonly partition: number;
  readonly reason: ProblemName;
}

/** Whether a read failed for want of a partition, which a scan may go without, or wait for. */
export function isMissing(error: unknown): error is QueryError {
  return (
    error instanceof QueryError &&
    (error.problem.status >= 500 || error.problem.name === 'not-owner') &&
    error.problem.name !== 'failed'
  );
}

/** The problem of a scan, which needs all partitions; `restoring` if waiting is all it takes, `not-running` if no instance is to be asked. */
export function incompleteScan(
  store: string,
  unread: readonly { readonly partition: number; readonly error: QueryError }[],
  count: number,
): QueryError {
  const missing = unread.map(({ partition, error }): UnreadPartition => {
    const { store: _, partition: __, retryAfterS: ___, epoch: ____, ...members } = error.members;
    return { ...members, partition, reason: error.problem.name };
  });
  const first = unread[0].error;
  if (unread.every(({ error }) => error.problem.name === 'not-running' && error.members['hostsTried'] === undefined))
    return new QueryError('not-running', first.message, {
      members: { ...first.members, missing },
      ...(first.retryAfterS === undefined ? {} : { retryAfterS: first.retryAfterS }),
    });
  const retryAfterS = Math.max(...unread.map(({ error }) => error.retryAfterS ?? RETRY_ELSEWHERE_S));
  const members = { store, partitionCount: count, missing, retryAfterS };
  const names = missing.map(({ partition }) => partition).join(', ');
  const text = `A scan of the store "${store}" reads all ${count} partitions; not readable at the moment: ${names}.`;
  if (unread.some(({ error }) => error.problem.name !== 'restoring'))
    return new QueryError('incomplete', text, { members, retryAfterS });
  const left = unread.map(({ error }) => error.members['remainingRecords']);
  const remainingRecords = left.every((records) => typeof records === 'number')
    ? left.reduce((sum, records) => sum + records, 0)
    : undefined;
  return new QueryError('restoring', text, { members: { ...members, remainingRecords }, retryAfterS });
}

function retryAfter(missing: MissingPartition): number {
  if (missing.reason === 'not-owner') return RETRY_ELSEWHERE_S;
  if (missing.reason === 'unassigned') return RETRY_REBALANCE_S;
  const { etaMs } = missing;
  return etaMs === undefined ? RETRY_UNKNOWN_S : Math.min(MAX_RETRY_S, Math.max(1, Math.ceil(etaMs / 1000)));
}
