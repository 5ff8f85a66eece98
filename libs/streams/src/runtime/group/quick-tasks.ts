import type { LogAdmin } from '../../log/log-admin.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import type { TaskId } from '../../topology/processor.js';
import { taskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';

/**
 * Which tasks have changelogs of no more than `acceptableRecoveryLag` offsets in all: restoring them is quicker than making a copy first. None, if the
 * log does not say.
 */
export async function quickTasks(
  admin: LogAdmin,
  topology: Topology,
  taskCounts: ReadonlyMap<number, number>,
  applicationId: string,
  acceptableRecoveryLag: number,
): Promise<(task: TaskId) => boolean> {
  const changelogs = topology.subTopologies.flatMap((sub) =>
    sub.stores
      .filter(({ changelog }) => changelog.isEnabled)
      .flatMap(({ name }) =>
        Array.from({ length: taskCounts.get(sub.id) ?? 0 }, (_, partition) => ({
          task: taskId(sub.id, partition),
          topic: changelogTopic(applicationId, name),
          partition,
        })),
      ),
  );
  const ends = await admin.endOffsets(changelogs, 'read_uncommitted').catch(() => undefined);
  if (ends === undefined) return () => false;
  const sizes = new Map<TaskId, number>();
  changelogs.forEach(({ task }, index) => sizes.set(task, (sizes.get(task) ?? 0) + ends[index]!.offset));
  return (task) => (sizes.get(task) ?? 0) <= acceptableRecoveryLag;
}
