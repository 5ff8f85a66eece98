import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { TopicPartition } from '../../log/log.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { untilAnswered, type Waiting } from '../retry.js';
import type { Task } from '../task/task.js';
import type { StoreCurrency } from './store-currency.js';
import type { TaskStore } from '../task/task-stores.js';

/** What a restore asks about the time that a store was away. */
export type Currency = Pick<StoreCurrency, 'isOutdated' | 'isTooLongAgo' | 'begins' | 'follows'>;

/** A store with a changelog behind it. */
export type LoggedStore = TaskStore & { readonly changelog: string };

/** Where reading a changelog begins for a store, and where it ended when that was asked. */
export interface ChangelogRange {
  readonly start: number;
  readonly end: number;
  /** The store has to be emptied first. */
  readonly isOutdated: boolean;
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
  waiting: Waiting,
  signal: AbortSignal,
  currency: Currency,
  task: Task,
  of: LoggedStore,
): Promise<ChangelogRange> {
  const partition = changelogOf(task, of);
  const what = `tell where "${of.changelog}" partition ${task.partition} begins and ends`;
  const [begin, end] = await untilAnswered(waiting, signal, what, async () => {
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
  if (position === undefined) currency.begins(task.id, of.definition.name);
  // A single offset that is missing is a marker or the newest record, which compaction does not touch.
  else if (end - position > 1 && currency.isOutdated(task.id, of.definition.name, of.changelog))
    return { start: begin, end, isOutdated: true };
  return { start: position ?? begin, end, isOutdated: false };
}

/** Empties a store that may lack deletions; the restore that follows begins at the beginning. */
export async function emptyOutdated(
  task: Task,
  { definition, store, changelog }: LoggedStore,
  currency: Currency,
  logger: StreamsLogger,
): Promise<void> {
  logger.warn(
    `The store "${definition.name}" of task ${task.id} was away from its changelog "${changelog}" for longer than the topic keeps deletions ` +
      `(delete.retention.ms), or nobody knows how long. Restoring it from the beginning.`,
  );
  await store.wipe();
  await store.open();
  currency.begins(task.id, definition.name);
}
