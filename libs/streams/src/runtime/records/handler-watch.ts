import { HandlerTimeoutError } from '../../errors/handler-timeout-error.js';
import type { Clock } from '../../time/clock.js';
import type { CurrentRecord } from './current-record.js';
import { placeOf } from './record-place.js';
import type { SlowRecords } from './slow-records.js';
import type { UnitOfWork } from './unit-of-work.js';

/** Most records of synchronous handlers between two looks at the clock. */
const MOST_RECORDS = 32;
/** Between two looks, about. */
const LOOK_EVERY_MS = 1;
/** Records that are timed one by one after some of them blocked the event loop for too long. */
const TIMED_RECORDS = 10_000;

export interface HandlerUnderWay {
  readonly handler: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly tookMs: number;
}

/** Measures how long the handlers of one task take for a record. */
export class HandlerWatch {
  /** A handler was given up that may still run. */
  hasLateHandler = false;
  /** Of the monotonic clock: since when a handler is awaited. */
  private awaitedSince: number | undefined;
  private lookedAt = 0;
  private between = MOST_RECORDS;
  private timedRecords = 0;
  /** `slow.blockedMs` when the handler that is awaited gave up its turn. */
  private blockedBefore = 0;

  constructor(
    private readonly slow: SlowRecords,
    private readonly record: CurrentRecord,
    private readonly unit: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** The handler that is awaited now. */
  get underWay(): HandlerUnderWay | undefined {
    if (this.awaitedSince === undefined) return undefined;
    const { topic, partition, offset } = this.record;
    const tookMs = this.clock.monotonic() - this.awaitedSince;
    return { handler: this.unit.handler, topic, partition, offset, tookMs };
  }

  /** Records are handled from now on. */
  begin(): void {
    this.lookedAt = this.clock.monotonic();
  }

  /** Looks at the clock after `records` that were handled since. @returns after how many records to look again. */
  look(now: number, records: number): number {
    const tookMs = now - this.lookedAt;
    this.lookedAt = now;
    this.checkBlocked(tookMs, records);
    if (this.timedRecords > 0) {
      this.timedRecords -= records;
      return 1;
    }
    if (tookMs <= LOOK_EVERY_MS) this.between = Math.min(MOST_RECORDS, 2 * this.between);
    else this.between = Math.max(1, Math.floor((records * LOOK_EVERY_MS) / tookMs));
    return this.between;
  }

  /** Returns the promise of a handler, bounded where a limit is set. @throws HandlerTimeoutError */
  awaited(promise: PromiseLike<unknown>): PromiseLike<unknown> {
    const now = this.clock.monotonic();
    this.checkBlocked(now - this.lookedAt, 1);
    this.awaitedSince = now;
    this.blockedBefore = this.slow.blockedMs;
    const { handlerTimeoutMs } = this.slow.limits;
    return handlerTimeoutMs === undefined ? promise : this.bounded(promise, handlerTimeoutMs);
  }

  /** What was awaited has ended, or was given up. */
  ended(): void {
    const now = this.clock.monotonic();
    this.lookedAt = now;
    if (this.awaitedSince === undefined) return;
    const tookMs = now - this.awaitedSince;
    this.awaitedSince = undefined;
    const { transactionTimeoutMs = Infinity } = this.slow.limits;
    if (tookMs < transactionTimeoutMs || this.hasLateHandler) return;
    // It may have had its answer for long, while the handler of another task blocked the event loop.
    const othersMs = this.slow.blockedMs - this.blockedBefore;
    if (2 * othersMs < tookMs) this.note(tookMs, 'transactionTimeout');
  }

  private async bounded(promise: PromiseLike<unknown>, limitMs: number): Promise<unknown> {
    let cancel = (): void => undefined;
    const expired = new Promise<never>((_, reject) => {
      cancel = this.clock.schedule(limitMs, () => {
        this.hasLateHandler = true;
        this.unit.abandon();
        const { topic, partition, offset } = this.record;
        const { handler, taskId } = this.unit;
        const place = { handler, taskId, topic, partition, offset };
        reject(new HandlerTimeoutError(place, 'handlerTimeout', limitMs, limitMs, 1));
      });
    });
    try {
      return await Promise.race([promise, expired]);
    } finally {
      cancel();
    }
  }

  private checkBlocked(tookMs: number, records: number): void {
    const { sessionTimeoutMs, transactionTimeoutMs = Infinity } = this.slow.limits;
    this.slow.blockedMs += tookMs;
    if (tookMs < Math.min(sessionTimeoutMs, transactionTimeoutMs)) return;
    // Which of them it was is found when they are handled again.
    if (records === 1) this.note(tookMs, tookMs < sessionTimeoutMs ? 'transactionTimeout' : 'group.sessionTimeout');
    this.timedRecords = TIMED_RECORDS;
  }

  private note(tookMs: number, limit: 'transactionTimeout' | 'group.sessionTimeout'): void {
    const source = this.record.source();
    if (source === undefined) return;
    const { handler, taskId } = this.unit;
    this.slow.note({ ...placeOf(source.chunk, source.index), handler, taskId, tookMs, limit });
  }
}
