import { ChangelogWatch, LOOK_EVERY_MS } from './changelog-watch.js';
import { SourceStalls, type ReadPartition } from './source-stalls.js';
import { HandlerLook, SLOW_HANDLER_MS } from './handler-look.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';
import type { Intervals } from './intervals.js';

const STALLS_EVERY_MS = 15_000;

/** Starts what watches topics and handlers while the instance runs. */
export function startWatches(
  parts: InstanceParts,
  options: StreamsInstanceOptions,
  intervals: Intervals,
  onFailure: (error: unknown) => void,
): void {
  const handlers = new HandlerLook(options.logger);
  const changelogs = new ChangelogWatch(parts, options, onFailure);
  intervals.every(LOOK_EVERY_MS, () => void changelogs.look());
  intervals.every(SLOW_HANDLER_MS / 2, () => handlers.look(parts.tasks.all));
  void parts.topicWatch.run();
  if (options.config.processingGuarantee !== 'exactly_once') return;
  const stalls = new SourceStalls(options.log.admin, options.clock, options.logger);
  intervals.every(STALLS_EVERY_MS, () => void stalls.look(readPartitions(parts)));
}

/** The partitions of running tasks in which no record waits for its handler. */
function readPartitions({ tasks }: InstanceParts): ReadPartition[] {
  return tasks.active.flatMap(({ records, partition }) =>
    records.queues.flatMap(({ topic, position, isEmpty, isPaused }) =>
      isEmpty && !isPaused ? [{ topic, partition, position }] : [],
    ),
  );
}
