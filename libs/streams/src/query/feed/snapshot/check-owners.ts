import { incompleteScan } from '../../problem/missing-problem.js';
import { QueryError } from '../../problem/query-error.js';
import { LATEST_COMMITTED, type PartitionReads } from '../../reads/partition-reads.js';

const ESTIMATE = { range: {}, reverse: false, limit: 1, isApproximate: true };

/**
 * Refuses a snapshot of partitions whose owners cannot be called from here: it would break off at the first of them, each time. Partitions that move
 * or restore pass, since the snapshot waits for them. @throws QueryError `incomplete`
 */
export async function checkOwners(
  reads: Pick<PartitionReads, 'count'>,
  store: string,
  partitions: readonly number[],
): Promise<void> {
  const found = await Promise.all(
    partitions.map((partition) =>
      reads.count({ store, partition }, ESTIMATE, LATEST_COMMITTED).then(
        () => [],
        (error: unknown) =>
          error instanceof QueryError && error.problem.name === 'not-owner' ? [{ partition, error }] : [],
      ),
    ),
  );
  const missing = found.flat();
  if (missing.length > 0) throw incompleteScan(store, missing, partitions.length);
}
