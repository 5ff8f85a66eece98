import { QueryError } from '../../problem/query-error.js';

export interface RequestLimitOptions {
  /** Requests that are answered at a time; others wait. Default 512. */
  readonly maxConcurrent?: number;
  /** Requests that wait; more are refused with 429. Default 1024. */
  readonly maxQueued?: number;
  /** Feeds and NDJSON scans that are open at a time; more are refused with 429. Default 64. */
  readonly maxStreams?: number;
}

const RETRY_S = 1;

interface Waiting {
  readonly isGone: () => boolean;
  readonly enter: () => void;
  readonly drop: (error: QueryError) => void;
}

/** Bounds what an instance answers at a time. */
export class RequestLimits {
  private readonly maxConcurrent: number;
  private readonly maxQueued: number;
  private readonly maxStreams: number;
  private running = 0;
  private streams = 0;
  private waiting: Waiting[] = [];

  constructor({ maxConcurrent = 512, maxQueued = 1024, maxStreams = 64 }: RequestLimitOptions = {}) {
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
    this.maxStreams = maxStreams;
  }

  /** @param isGone whether nobody waits for the answer any more. @returns undefined if the request may go on at once. @throws QueryError `overloaded` */
  enter(isGone: () => boolean): Promise<void> | undefined {
    if (this.running < this.maxConcurrent) {
      this.running++;
      return undefined;
    }
    if (this.waiting.length >= this.maxQueued) this.dropGone();
    if (this.waiting.length >= this.maxQueued) throw overloaded('requests');
    return new Promise((enter, drop) => void this.waiting.push({ isGone, enter, drop }));
  }

  leave(): void {
    this.dropGone();
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next.enter();
  }

  /** Those whose clients have gone are not answered. */
  private dropGone(): void {
    if (this.waiting.length === 0) return;
    const waiting = this.waiting.filter((each) => !each.isGone());
    for (const each of this.waiting) if (each.isGone()) each.drop(overloaded('requests'));
    this.waiting = waiting;
  }

  /** @throws QueryError `overloaded`, and what `stream` throws */
  async whileStreaming(stream: () => Promise<void>): Promise<void> {
    if (this.streams >= this.maxStreams) throw overloaded('feeds and streamed scans');
    this.streams++;
    try {
      await stream();
    } finally {
      this.streams--;
    }
  }
}

function overloaded(what: string): QueryError {
  return new QueryError('overloaded', `Too many ${what} are under way on this instance.`, {
    members: { retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}
