import { lookAtChangelogs, LOOK_EVERY_MS } from './changelog-watch.js';
import { HandlerLook, SLOW_HANDLER_MS } from './handler-look.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';
import type { Intervals } from './intervals.js';

/** Starts what watches topics and handlers while the instance runs. */
export function startWatches(
  parts: InstanceParts,
  options: StreamsInstanceOptions,
  intervals: Intervals,
  onFailure: (error: unknown) => void,
): void {
  const handlers = new HandlerLook(options.logger);
  intervals.every(LOOK_EVERY_MS, () => void lookAtChangelogs(parts, options, onFailure));
  intervals.every(SLOW_HANDLER_MS / 2, () => handlers.look(parts.tasks.all));
  void parts.topicWatch.run();
}
