import type { GroupListener, JoinedMember, MemberAssignment } from '../../log/group-member.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import { decodeAssignment, encodeSubscription, type SubscriptionData } from '../assignment/user-data.js';
import type { Committer } from '../commit/committer.js';
import type { GroupAssignment } from './group-assignment.js';
import type { PartitionOwners } from './partition-owners.js';
import type { ProcessingLoop } from '../processing/processing-loop.js';
import type { Recovery } from '../processing/recovery.js';
import type { TaskManager } from '../task/task-manager.js';

export interface GroupCallbacksOptions {
  readonly assignment: GroupAssignment;
  readonly owners: PartitionOwners;
  readonly tasks: TaskManager;
  readonly loop: ProcessingLoop;
  readonly committer: Committer;
  readonly recovery: Recovery;
  readonly subscription: () => SubscriptionData;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  readonly mayCommit: () => boolean;
  readonly onRebalance: (isOver: boolean) => void;
  readonly onFatal: (error: Error) => void;
}

/** What the group's rebalances do to the tasks. */
export function groupCallbacks(options: GroupCallbacksOptions): GroupListener {
  const { assignment, owners, tasks, loop, committer, recovery, logger, metrics } = options;

  /** The last commit of a generation. @returns false if it could not be made; its records are processed again by the next owner. */
  const commitLast = async (): Promise<boolean> => {
    try {
      await committer.commit(tasks.active);
      return true;
    } catch (error) {
      logger.warn(`The commit before a rebalance failed, its records will be processed again: ${String(error)}`);
      return false;
    }
  };

  return {
    subscription: () => encodeSubscription(options.subscription()),

    assign: async (members: readonly JoinedMember[]) => assignment.assign(members),

    onRevoked: (partitions, { lost }) =>
      loop.exclusive(async () => {
        options.onRebalance(false);
        logger.info(`${lost ? 'Lost' : 'Gives back'} ${partitions.length} partitions for a rebalance.`);
        const isCommitted = !lost && options.mayCommit() && (await commitLast());
        await tasks.suspend();
        if (isCommitted) return;
        tasks.discard();
        await recovery.dropUncommitted();
      }),

    onAssigned: (assigned: MemberAssignment) =>
      loop.exclusive(async () => {
        const { tasks: ids, owners: all } = decodeAssignment(assigned.userData);
        metrics.add('streams_rebalances_total', {}, 1);
        logger.info(`Assigned ${ids.length} tasks: ${ids.join(', ') || 'none'}.`);
        owners.update(all);
        await tasks.assign(ids);
        options.onRebalance(true);
      }),

    onFatal: options.onFatal,
  };
}
