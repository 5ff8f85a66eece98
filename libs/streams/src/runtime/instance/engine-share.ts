import { RESTORE_FETCHES } from '../restore/restorer.js';
import type { StreamsInstanceOptions } from './instance-parts.js';
import type { TopicLayout } from './topic-setup.js';

/** Engines cannot be resized, so each gets what is left when this instance owns every task. */
export function engineShare({ config, topology }: StreamsInstanceOptions, layout: TopicLayout): number {
  const { maxBytes, cacheMaxBytes, inputMaxBytes } = config.memory;
  const partitions = topology.subTopologies.reduce(
    (sum, sub) => sum + sub.stores.length * (layout.taskCounts.get(sub.id) ?? 0),
    0,
  );
  // One reader for restores, one for standbys.
  const restoreMaxBytes = 2 * RESTORE_FETCHES * config.restore.fetchMaxBytes;
  return Math.floor(Math.max(0, maxBytes - cacheMaxBytes - inputMaxBytes - restoreMaxBytes) / Math.max(1, partitions));
}
