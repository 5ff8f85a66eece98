import type { GroupIdentity, GroupListener, JoinedMember, MemberAssignment } from '../../log/group-member.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import { decodeAssignment, encodeSubscription, type SubscriptionData } from '../assignment/user-data.js';
import type { Committer } from '../commit/committer.js';
import type { GroupAssignment } from './group-assignment.js';
import type { GroupSeal } from './group-seal.js';
import { PendingAssignments, type PendingAssignment } from './pending-assignments.js';
import type { PartitionOwners } from './partition-owners.js';
import type { ProcessingLoop } from '../processing/processing-loop.js';
import type { Recovery } from '../processing/recovery.js';
import type { TaskId } from '../../topology/processor.js';
import type { Task } from '../task/task.js';
import type { TaskManager } from '../task/task-manager.js';
import type { Tenures } from './tenures.js';

export interface GroupCallbacksOptions {
  readonly assignment: GroupAssignment;
  readonly owners: PartitionOwners;
  readonly seal: GroupSeal;
  readonly tenures: Tenures;
  readonly tasks: TaskManager;
  readonly loop: ProcessingLoop;
  readonly committer: Committer;
  readonly recovery: Recovery;
  readonly subscription: () => Omit<SubscriptionData, 'ownedTasks'>;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  readonly mayCommit: () => boolean;
  /** Ends the open transactions of instances that left without ending them. */
  readonly fence: (instanceIds: readonly string[]) => Promise<void>;
  readonly rejoin: () => void;
  /** Looks at the assignment again some time later, as long as tasks are to move. */
  readonly probe: (isWarmingUp: boolean) => void;
  /** The group was asked to stop. */
  readonly onShutdown: (reason: string) => void;
  /** Whether a task without any state runs soon, since its changelogs are short. */
  readonly quickTasks: () => Promise<(task: TaskId) => boolean>;
  readonly onRebalance: (isOver: boolean) => void;
  readonly onFatal: (error: Error) => void;
}

/** What the group's rebalances do to the tasks: those that stay go on processing and committing (KIP-429). */
export function groupCallbacks(options: GroupCallbacksOptions): GroupListener {
  const pending = new PendingAssignments(options.logger);
  const { assignment, owners, seal, tenures, tasks, loop, committer, recovery, logger, metrics } = options;

  /** The last commit of a generation. @returns false if it could not be made; its records are processed again by the next owner. */
  const commitLast = async (): Promise<boolean> => {
    const { tenure } = tasks;
    if (!options.mayCommit() || tenure === undefined) return false;
    try {
      await committer.commit(tasks.active, tenure);
      return true;
    } catch (error) {
      logger.warn(`The commit before a rebalance failed, its records will be processed again: ${String(error)}`);
      return false;
    }
  };

  /** Gives tasks up while the others go on. */
  const release = async (released: readonly Task[], standbys: readonly TaskId[]): Promise<void> => {
    logger.info(`Gives back ${released.length} tasks: ${released.map(({ id }) => id).join(', ')}.`);
    if (await commitLast()) return tasks.release(released, standbys);
    await tasks.suspend();
    await recovery.dropUncommitted();
    await tasks.release(released, standbys);
    if (tasks.restart()) committer.endDoubt();
  };

  /** Brings the tasks to what was assigned. */
  const follow = async ({ data, tenure, departed }: PendingAssignment): Promise<void> => {
    const { tasks: ids, standbys, followUp } = data;
    const released = tasks.all.filter(({ id }) => !ids.includes(id));
    if (released.length > 0) await release(released, standbys);
    await tasks.assign(ids, tenure, options.fence(departed));
    // After a revocation whose commit failed, all tasks restore now. Where some run, the loop may still have to recover.
    if (tasks.active.length === 0) committer.endDoubt();
    await tasks.keepStandbys(standbys);
    options.probe(data.isWarmingUp);
    options.onRebalance(true);
    if (followUp || released.length > 0) options.rejoin();
  };

  return {
    subscription: () =>
      encodeSubscription({ ...options.subscription(), ownedTasks: pending.claims(tasks, tenures.live) }),

    assign: async (members: readonly JoinedMember[]) => assignment.assign(members, owners, await options.quickTasks()),

    onRevoked: async (partitions, { lost }) => {
      // Before anything that waits: what a task does from here on is never committed.
      if (lost) tenures.end();
      const revoked = loop.exclusive(async () => {
        options.onRebalance(false);
        logger.info(`${lost ? 'Lost' : 'Gives back'} ${partitions.length} partitions.`);
        const isCommitted = !lost && (await commitLast());
        if (!lost) tenures.end();
        await tasks.suspend();
        if (isCommitted) return;
        tasks.discard();
        await recovery.dropUncommitted();
      });
      if (!lost) return revoked;
      // The member joins again without waiting for a handler. The next assignment is applied after this.
      revoked.catch((error: unknown) => options.onFatal(error as Error));
    },

    onAssigned: (assigned: MemberAssignment, identity: GroupIdentity) => {
      const data = decodeAssignment(assigned.userData);
      const shutdownReason = seal.openReason(data.shutdownReason);
      if (shutdownReason !== undefined) return loop.exclusive(async () => options.onShutdown(shutdownReason));
      metrics.add('streams_rebalances_total', {}, 1);
      logger.info(
        `Assigned ${data.tasks.length} tasks: ${data.tasks.join(', ') || 'none'}; keeps copies of ${data.standbys.length}.`,
      );
      const tenure = tenures.assigned({ identity, members: data.members, isWarmingUp: data.isWarmingUp });
      const departed = data.instances === undefined ? data.departed : owners.allDeparted(new Set(data.instances));
      owners.update(seal.openOwners(data.owners), identity.generationId, seal.openNeighbours(data.neighbours));
      const next = pending.add({ data, tenure, departed });
      return loop.exclusive(() => pending.apply(next, follow));
    },

    onFatal: options.onFatal,
  };
}
