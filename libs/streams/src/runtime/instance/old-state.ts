import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import type { InstanceParts } from './instance-parts.js';

/** Deletes the state of tasks that moved away, and that nobody used since `beforeMs`. */
export async function deleteOldState(
  directory: StateDirectory,
  { loop, tasks }: InstanceParts,
  beforeMs: number,
  logger: StreamsLogger,
): Promise<void> {
  try {
    // Tasks are opened and closed in such actions as well: no store is half-way between the two meanwhile.
    const removed = await loop.exclusive(() => directory.setAside((id) => tasks.has(id), beforeMs));
    await directory.deleteSetAside();
    if (removed.length > 0) logger.info(`Deleted the state of tasks that moved away: ${removed.join(', ')}.`);
  } catch (error) {
    logger.warn(`Old state could not be deleted: ${String(error)}`);
  }
}
