import type { LogProducer } from '../../log/log-producer.js';
import type { PartitionOffset } from '../../log/log.js';
import { applyStoreCommit, type StoreCommit } from '../task/task-stores.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { Task } from '../task/task.js';

/** What one task adds to a commit, frozen at a record boundary. */
export interface TaskCommit {
  readonly task: Task;
  readonly stores: readonly StoreCommit[];
  readonly sources: readonly { readonly queue: SourceQueue; readonly position: number }[];
}

export function hasChanges(task: Task): boolean {
  return task.records.hasProgress || task.stores.dirtyBytes > 0;
}

/**
 * Freezes what the task has done and appends its changes to the changelogs, with the time of now: brokers forget an idempotent producer whose
 * last batch looks older than a day, and event times may.
 * @throws SerdeError for a value that its serde refuses, LogError if the producer has failed.
 */
export function prepareTask(task: Task, producer: LogProducer, nowMs: number): TaskCommit {
  const { partition } = task;
  const stores = task.stores.prepare((topic, key, value) => {
    producer.append(topic, partition, key, value, nowMs);
  });
  return { task, stores, sources: task.records.queues.map((queue) => ({ queue, position: queue.position })) };
}

export function offsetsOf(commits: readonly TaskCommit[]): PartitionOffset[] {
  return commits.flatMap(({ task, sources }) =>
    sources.map(({ queue, position }) => ({ topic: queue.topic, partition: task.partition, offset: position })),
  );
}

/** One atomic batch a store: data and position. */
export async function writeStores(commits: readonly TaskCommit[], producer: LogProducer): Promise<void> {
  await Promise.all(
    commits.flatMap(({ task, stores }) =>
      stores.map((each) => {
        const { changelog } = each.of;
        const end = changelog === undefined ? undefined : producer.acknowledgedEnd(changelog, task.partition);
        return applyStoreCommit(each, end);
      }),
    ),
  );
}

export function publish(commits: readonly TaskCommit[]): void {
  for (const { sources } of commits) for (const { queue, position } of sources) queue.commit(position);
}
