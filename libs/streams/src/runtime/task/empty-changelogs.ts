import type { Log } from '../../log/log.js';
import type { Clock } from '../../time/clock.js';
import { orAborted } from '../retry.js';
import type { Task } from './task.js';

const KEYS_AT_A_TIME = 1000;
const BYTES_AT_A_TIME = 256 * 1024;

/**
 * Appends a tombstone to the changelogs for every entry that the restored stores of `task` hold. Kafka refuses to delete records of a compacted
 * topic. Safe to repeat.
 */
export async function emptyChangelogs(task: Task, log: Log, clock: Clock, signal: AbortSignal): Promise<void> {
  const producer = log.openProducer({ role: 'reset' });
  try {
    for (const { store, changelog } of task.stores.all) {
      if (changelog === undefined) continue;
      const cursor = store.view.openCursor({}, { reverse: false, keysOnly: true });
      try {
        for (;;) {
          signal.throwIfAborted();
          const { keys } = await cursor.next(KEYS_AT_A_TIME, BYTES_AT_A_TIME);
          if (keys.length === 0) break;
          for (const key of keys)
            if (!producer.append(changelog, task.partition, key, null, clock.now()))
              await orAborted(signal, producer.drain());
        }
      } finally {
        await cursor.close();
      }
    }
    await orAborted(signal, producer.flush());
  } finally {
    await producer.close();
  }
}
