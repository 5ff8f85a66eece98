import type { LogAdmin } from '../../log/log-admin.js';
import type { Task } from '../task/task.js';

/** Nothing is fetched for a paused queue that is full, so its lag would stand still: asks the log where the partitions end. */
export async function measurePausedEnds(admin: LogAdmin, tasks: readonly Task[]): Promise<void> {
  const queues = tasks.flatMap(({ records }) => records.queues.filter(({ isPaused }) => isPaused));
  if (queues.length === 0) return;
  const ends = await admin
    .endOffsets(
      queues.map(({ topic, partition }) => ({ topic, partition })),
      'read_uncommitted',
    )
    .catch(() => []);
  ends.forEach(({ offset }, index) => {
    const queue = queues[index]!;
    queue.end = Math.max(queue.end, offset);
  });
}
