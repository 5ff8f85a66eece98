import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { HandlerUnderWay } from '../records/handler-watch.js';

/** Handlers that take longer are named. */
export const SLOW_HANDLER_MS = 10_000;

interface WatchedTask {
  readonly id: string;
  readonly records: { readonly watch: { readonly underWay: HandlerUnderWay | undefined } };
}

/** Names handlers that take long, while they do: commits and rebalances of the instance wait for them. */
export class HandlerLook {
  /** After how long the task's handler is named again. */
  private readonly next = new Map<string, number>();

  constructor(private readonly logger: StreamsLogger) {}

  look(tasks: readonly WatchedTask[]): void {
    for (const { id, records } of tasks) {
      const { underWay } = records.watch;
      if (underWay === undefined || underWay.tookMs < SLOW_HANDLER_MS) {
        this.next.delete(id);
        continue;
      }
      const { handler, topic, partition, offset, tookMs } = underWay;
      if (tookMs < (this.next.get(id) ?? 0)) continue;
      this.next.set(id, 2 * tookMs);
      this.logger.warn(
        `${handler} has been busy for ${Math.round(tookMs / 1000)} s with the record at offset ${offset} of "${topic}" partition ${partition} (task ${id}). ` +
          `Commits and rebalances of this instance wait for it. The option "handlerTimeout" limits how long.`,
      );
    }
  }
}
