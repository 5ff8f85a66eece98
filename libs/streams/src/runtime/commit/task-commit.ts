import type { LogProducer } from '../../log/log-producer.js';
import type { PartitionOffset } from '../../log/log.js';
import { applyStoreCommit, type StoreCommit } from '../task/task-stores.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { Breathe } from '../breathing.js';
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
export async function prepareTask(
  task: Task,
  producer: LogProducer,
  nowMs: number,
  breathe: Breathe,
): Promise<TaskCommit> {
  const { partition } = task;
  const stores = await task.stores.prepare((topic, key, value) => {
    producer.append(topic, partition, key, value, nowMs);
  }, breathe);
  return { task, stores, sources: task.records.queues.map((queue) => ({ queue, position: queue.position })) };
}

export function offsetsOf(commits: readonly TaskCommit[]): PartitionOffset[] {
  return commits.flatMap(({ task, sources }) =>
    sources.map(({ queue, position }) => ({ topic: queue.topic, partition: task.partition, offset: position })),
  );
}

/**
 * The part of `commits` that changes stores without changelog, which nothing restores. Tasks whose offsets do not move are left out: their offsets
 * do not tell whether the commit took effect.
 */
export function changesWithoutChangelog(commits: readonly TaskCommit[]): TaskCommit[] {
  return commits.flatMap(({ task, stores, sources }) => {
    const unlogged = stores.filter(({ of, prepared }) => of.changelog === undefined && prepared.writes.keys.length > 0);
    const moved = sources.filter(({ queue, position }) => queue.committed !== position);
    return unlogged.length === 0 || moved.length === 0 ? [] : [{ task, stores: unlogged, sources: moved }];
  });
}

/** One atomic batch a store: data and position. */
export async function writeStores(
  commits: readonly TaskCommit[],
  producer: LogProducer,
  breathe: Breathe,
): Promise<void> {
  const ends = commits.map(({ task, stores }) =>
    stores.map(({ of: { changelog } }) =>
      changelog === undefined ? undefined : producer.acknowledgedEnd(changelog, task.partition),
    ),
  );
  const writes: Promise<void>[] = [];
  for (const [i, { stores }] of commits.entries()) {
    for (const [j, each] of stores.entries()) {
      const write = applyStoreCommit(each, ends[i][j], breathe);
      // Met below; until then nobody waits for it.
      write.catch(() => undefined);
      writes.push(write);
      await breathe();
    }
  }
  await Promise.all(writes);
}

export function publish(commits: readonly TaskCommit[]): void {
  for (const { sources } of commits) for (const { queue, position } of sources) queue.commit(position);
}
