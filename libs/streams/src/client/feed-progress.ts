import type { ServerSentEvent } from './event-stream.js';
import { StreamsProblem } from './problem.js';

const RETRY_MS = 1000;
const MAX_FAILURES = 30;
const MAX_SLOWDOWN = 5;

/**
 * How far a feed has come over its connections, and when to give it up.
 *
 * A connection fails unless it has come further: with an id that it did not begin with, with a comment, which says that there is nothing to tell for
 * now, or, while there is no id to go on from, by telling more than each connection before it. Where a connection began without a place, a bookmark
 * before all else says only where that is. So a feed that always ends at the same place is given up, and one that is cut off in quiet times is not.
 */
export class FeedProgress {
  private retryMs = RETRY_MS;
  private failures = 0;
  private problem: StreamsProblem | undefined;
  /** Of this connection. */
  private beganAt = 0;
  private beganWith: string | undefined;
  private hasTold = false;
  private isFurther = false;
  private isInSnapshot = false;
  /** Events without a place to go on from: of this connection, and the most that one has told. */
  private told = 0;
  private mostTold = 0;

  /** @param place the id to go on from. */
  constructor(private place: string | undefined) {}

  /** Where to go on; undefined: from the start. */
  get id(): string | undefined {
    return this.place;
  }

  begin(): void {
    this.beganAt = performance.now();
    this.beganWith = this.place;
    this.hasTold = false;
    this.isFurther = false;
    this.isInSnapshot = false;
    this.told = 0;
  }

  /** Begins again from the start. */
  restart(): void {
    this.place = undefined;
  }

  see({ event, id, retry }: ServerSentEvent): void {
    if (retry !== undefined) {
      this.retryMs = retry;
      return;
    }
    if (event === undefined) {
      if (!this.isInSnapshot) this.comeFurther();
      return;
    }
    if (event === 'bookmark' && !this.hasTold && this.beganWith === undefined) this.beganWith = id;
    this.hasTold = true;
    if (event === 'snapshot-begin' || event === 'snapshot-end') this.isInSnapshot = event === 'snapshot-begin';
    // Until its end a snapshot has no place to go on from.
    if (this.isInSnapshot) this.place = undefined;
    if (id !== undefined) this.moveTo(id);
    else if (this.place === undefined && ++this.told > this.mostTold) {
      this.mostTold = this.told;
      this.comeFurther();
    }
  }

  /** The connection has ended. @returns how long to wait before the next one. @throws the last problem document, or what else there is, after too many */
  fail(failure: unknown): number {
    if (failure instanceof StreamsProblem) this.problem = failure;
    if (++this.failures > MAX_FAILURES) throw this.problem ?? failure ?? new Error('The feed breaks off each time.');
    const isShort = performance.now() - this.beganAt < this.retryMs;
    // What held for a while is taken up at once; what comes a bit further each time must not be asked for without a pause.
    if (this.failures === 1 && !(this.isFurther && isShort)) return 0;
    return Math.random() * this.retryMs * Math.min(this.failures, MAX_SLOWDOWN);
  }

  private moveTo(id: string): void {
    this.place = id;
    if (id === this.beganWith) return;
    this.mostTold = 0;
    this.comeFurther();
  }

  private comeFurther(): void {
    this.isFurther = true;
    this.failures = 0;
    this.problem = undefined;
  }
}
