import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { TopicPartition } from '../../log/log.js';
import type { Clock } from '../../time/clock.js';
import { untilAnswered } from '../retry.js';
import type { Task } from '../task/task.js';
import type { TaskStore } from '../task/task-stores.js';

/** A store with a changelog behind it. */
export type LoggedStore = TaskStore & { readonly changelog: string };

/** Where reading a changelog begins for a store, and where it ended when that was asked. */
export interface ChangelogRange {
  readonly start: number;
  readonly end: number;
}

export function loggedStores(task: Task): LoggedStore[] {
  return task.stores.all.filter((each): each is LoggedStore => each.changelog !== undefined);
}

export function changelogOf(task: Task, { changelog }: LoggedStore): TopicPartition {
  return { topic: changelog, partition: task.partition };
}

/** @throws StoreCorruptedError if the store's position lies outside its changelog, the signal's reason if that aborts. */
export async function changelogRange(
  admin: LogAdmin,
  clock: Clock,
  signal: AbortSignal,
  task: Task,
  of: LoggedStore,
): Promise<ChangelogRange> {
  const partition = changelogOf(task, of);
  const [begin, end] = await untilAnswered(clock, signal, async () => {
    const [[first], [last]] = await Promise.all([
      admin.beginningOffsets([partition]),
      admin.endOffsets([partition], 'read_uncommitted'),
    ]);
    return [first!.offset, last!.offset] as const;
  });
  const { position } = of.store;
  if (position !== undefined && (position > end || position < begin))
    throw new StoreCorruptedError(
      of.definition.name,
      task.id,
      `its position ${position} lies outside its changelog "${of.changelog}" partition ${task.partition}, which holds ${begin} to ${end}`,
    );
  return { start: position ?? begin, end };
}
