import type { BadRecord } from '../../config/bad-record-policy.js';
import type { RuntimeConfig } from '../../config/runtime-config.js';
import { HandlerTimeoutError, type HandlerLimit } from '../../errors/handler-timeout-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { SourceQueue } from './source-queue.js';

/** A record that was discarded that often in a row because of its handler goes to `errors.processing`. */
const MAX_TIMES = 3;
const MAX_PENDING = 16;
const MAX_COUNTED = 256;

export interface HandlerLimits {
  /** Option `handlerTimeout`; undefined: no limit. */
  readonly handlerTimeoutMs: number | undefined;
  /** Undefined without transactions. */
  readonly transactionTimeoutMs: number | undefined;
  readonly sessionTimeoutMs: number;
}

export function handlerLimits(config: RuntimeConfig): HandlerLimits {
  return {
    handlerTimeoutMs: config.handlerTimeoutMs,
    transactionTimeoutMs: config.processingGuarantee === 'exactly_once' ? config.transactionTimeoutMs : undefined,
    sessionTimeoutMs: config.group.sessionTimeoutMs,
  };
}

export type SlowRecord = Omit<BadRecord, 'phase' | 'attempt' | 'error'> & {
  readonly tookMs: number;
  readonly limit: HandlerLimit;
};

/** Tasks of this instance whose uncommitted work was discarded. */
interface DiscardedTask {
  readonly id: string;
  readonly records: { readonly queues: readonly SourceQueue[] };
}

/**
 * Records whose handlers took longer than a transaction or a membership lasts. Their work is discarded and done again, which meets the same end;
 * after some times in a row the policy for bad records decides.
 */
export class SlowRecords {
  /** How long handlers have blocked the event loop, those of all tasks together; only differences mean something. */
  blockedMs = 0;
  private pending: SlowRecord[] = [];
  /** Times in a row, by place. */
  private readonly counts = new Map<string, number>();

  constructor(
    readonly limits: HandlerLimits,
    private readonly logger: StreamsLogger,
  ) {}

  /** Whether a record was noted since work was discarded last. */
  get hasNoted(): boolean {
    return this.pending.length > 0;
  }

  /** Notes a record that is not committed yet. */
  note(record: SlowRecord): void {
    this.pending.push(record);
    if (this.pending.length > MAX_PENDING) this.pending.shift();
  }

  /** Uncommitted work of all tasks is discarded. @returns whether a slow handler explains it. */
  discarded(tasks: readonly DiscardedTask[]): boolean {
    let isExplained = false;
    const pending = this.pending;
    this.pending = [];
    for (const slow of pending) {
      const place = `${slow.topic}-${slow.partition}@${slow.offset}`;
      const task = tasks.find(({ id }) => id === slow.taskId);
      const queue = task?.records.queues.find(({ topic }) => topic === slow.topic);
      if (queue !== undefined && queue.committed > slow.offset) {
        this.counts.delete(place);
        continue;
      }
      isExplained = true;
      this.reject(queue, slow, this.count(place));
    }
    return isExplained;
  }

  private count(place: string): number {
    const times = (this.counts.get(place) ?? 0) + 1;
    this.counts.delete(place);
    this.counts.set(place, times);
    if (this.counts.size > MAX_COUNTED) this.counts.delete(this.counts.keys().next().value!);
    return times;
  }

  private reject(queue: SourceQueue | undefined, slow: SlowRecord, times: number): void {
    const { limits, logger } = this;
    const { tookMs, limit, ...place } = slow;
    const limitMs = limit === 'transactionTimeout' ? limits.transactionTimeoutMs! : limits.sessionTimeoutMs;
    const error = new HandlerTimeoutError(place, limit, limitMs, tookMs, times);
    if (queue === undefined || times < MAX_TIMES) return logger.warn(error.message);
    const failure: BadRecord = { ...place, phase: 'processing', attempt: times, error };
    queue.rejected.set(place.offset, { failure, action: undefined, isRetried: false });
  }
}
