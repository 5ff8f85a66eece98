import { LogError } from '../../errors/log-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';

/** A commit of less does not time out because of its size. */
const LEAST_BYTES = 16 * 1024;
const GROWTH = 1.1;
/** A commit that takes less than this share of the time-out leaves room for a larger one. */
const QUICK = 1 / 4;

export interface UncommittedLimitOptions {
  readonly maxBytes: number;
  readonly transactionTimeoutMs: number;
  /** Whether a handler has taken longer than a transaction lasts, which the size of the work does not explain. */
  readonly hasSlowHandler: () => boolean;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

interface Work {
  readonly bytes: number;
  readonly sinceMs: number;
}

/**
 * How many bytes of changes and outputs one commit may hold. A broker that takes them too slowly, because of a producer quota for example, aborts
 * the transaction when its time is over; the same work done again would meet the same end. So the limit falls to half of what timed out, and rises
 * again with each quick commit.
 */
export class UncommittedLimit {
  private limit: number;
  private open: Work | undefined;
  private committing: Work | undefined;

  constructor(private readonly options: UncommittedLimitOptions) {
    this.limit = options.maxBytes;
  }

  get bytes(): number {
    return this.limit;
  }

  get isReduced(): boolean {
    return this.limit < this.options.maxBytes;
  }

  /** Notes how much work waits for its commit. @returns whether it has to be committed now. */
  isReached(bytes: number): boolean {
    this.open = bytes === 0 ? undefined : { bytes, sinceMs: this.open?.sinceMs ?? this.options.clock.monotonic() };
    return bytes > this.limit;
  }

  /** The work noted last is being committed. */
  begin(): void {
    this.committing = this.open;
    this.open = undefined;
  }

  /** Called at any time while no commit is under way and none has failed. */
  succeeded(tookMs: number): void {
    if (this.committing === undefined) return;
    this.committing = undefined;
    const { maxBytes, transactionTimeoutMs } = this.options;
    if (tookMs < QUICK * transactionTimeoutMs) this.limit = Math.min(maxBytes, Math.ceil(GROWTH * this.limit));
  }

  /** The work is dropped, and will be done again. @returns whether it was too much, so that the limit is lower now. */
  failed(error: unknown): boolean {
    const { clock, logger, hasSlowHandler } = this.options;
    const work = this.committing ?? this.open;
    this.committing = undefined;
    this.open = undefined;
    if (work === undefined || work.bytes <= LEAST_BYTES || hasSlowHandler()) return false;
    const ageMs = clock.monotonic() - work.sinceMs;
    if (!this.hasTimedOut(error, ageMs)) return false;
    const before = this.limit;
    this.limit = Math.max(Math.min(LEAST_BYTES, before), Math.floor(Math.min(this.limit, work.bytes) / 2));
    logger.warn(
      `The brokers did not take ${work.bytes} bytes within ${Math.round(ageMs / 1000)} s, so commits are limited to ${this.limit} bytes for now. ` +
        'If that goes on, look for a producer quota or a slow broker, or raise "transactionTimeout".',
    );
    return this.limit < before;
  }

  private hasTimedOut(error: unknown, ageMs: number): boolean {
    if (!(error instanceof LogError)) return false;
    if (error.code === 'LOG_DELIVERY_TIMEOUT') return true;
    // A broker that aborts a transaction after its time fences the producer. Others that fence do so at any age.
    const isAborted = error.kind === 'fenced' || error.kind === 'abortable';
    return isAborted && ageMs >= this.options.transactionTimeoutMs / 2;
  }
}
