import type { TopicPartition } from '../../log/log.js';
import type { Task } from '../task/task.js';

/** Offsets between the committed position and the end of each source partition of `tasks`. */
export function sourceLag(tasks: readonly Task[]): (TopicPartition & { readonly lag: number })[] {
  return tasks.flatMap((task) =>
    task.records.queues
      .filter(({ committed }) => committed >= 0)
      .map(({ topic, partition, end, committed }) => ({ topic, partition, lag: Math.max(0, end - committed) })),
  );
}
