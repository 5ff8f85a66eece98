import { QueryError } from '../../problem/query-error.js';
import type { QueryRequest } from '../answer/http-answer.js';
import { clientOfAddress } from './client-address.js';
import { ClientCounts } from './client-counts.js';

export interface RequestLimitOptions {
  /** Requests that are answered at a time; others are queued. Clients take turns. Default 512. */
  readonly maxConcurrent?: number;
  /** Requests that are queued; more are refused with 429, those of the client with most of them first. Default 1024. */
  readonly maxQueued?: number;
  /** Requests with `Prefer: wait` at a time, beside `maxConcurrent`; more are refused with 429. Default 1024. */
  readonly maxWaiting?: number;
  /** Of `maxWaiting`, for one client. Default half of it. */
  readonly maxWaitingPerClient?: number;
  /** Feeds and NDJSON scans that are open at a time; more are refused with 429. Default 64. */
  readonly maxStreams?: number;
  /** Of `maxStreams`, for one client. Default half of it. */
  readonly maxStreamsPerClient?: number;
  /**
   * Names the client of a request. Default: its address, as the platform sees it; of an IPv6 address the network (/64).
   * Runs before the guards of the store, so nothing that those set is there yet; the guards of the application have run.
   */
  readonly clientOf?: (request: QueryRequest) => string;
}

const RETRY_S = 1;

interface Queued {
  readonly client: string;
  readonly isGone: () => boolean;
  readonly enter: () => void;
  readonly drop: (error: QueryError) => void;
}

/** Bounds what an instance answers at a time, and what one client may take of it. */
export class RequestLimits {
  private readonly maxConcurrent: number;
  private readonly maxQueued: number;
  private readonly running = new ClientCounts();
  private queue: Queued[] = [];
  private readonly waits: ClientPlaces;
  private readonly streams: ClientPlaces;

  constructor(private readonly options: RequestLimitOptions = {}) {
    const { maxConcurrent = 512, maxQueued = 1024, maxWaiting = 1024, maxStreams = 64 } = options;
    const { maxWaitingPerClient = half(maxWaiting), maxStreamsPerClient = half(maxStreams) } = options;
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
    this.waits = new ClientPlaces('requests that wait', maxWaiting, maxWaitingPerClient);
    this.streams = new ClientPlaces('feeds and streamed scans', maxStreams, maxStreamsPerClient);
  }

  /** Names who sent a request, which shares the places of the same client. @throws TypeError if `query.clientOf` answers no string. */
  clientOf(request: QueryRequest): string {
    const { clientOf } = this.options;
    if (clientOf === undefined) return clientOfAddress(request.ip ?? '');
    const name: unknown = clientOf(request);
    if (typeof name === 'string') return name;
    // Its rejection says nothing more, and must not end the process.
    if (name instanceof Promise) name.catch(() => undefined);
    throw new TypeError('"query.clientOf" must return a string, not a promise or anything else.');
  }

  /**
   * @param isGone whether nobody waits for the answer any more.
   * @returns undefined if the request may go on at once. @throws QueryError `overloaded`
   */
  enter(client: string, isGone: () => boolean): Promise<void> | undefined {
    if (this.running.total < this.maxConcurrent) {
      this.running.add(client);
      return undefined;
    }
    if (this.queue.length >= this.maxQueued) this.dropGone();
    if (this.queue.length >= this.maxQueued) this.makeRoomFor(client);
    return new Promise((enter, drop) => void this.queue.push({ client, isGone, enter, drop }));
  }

  leave(client: string): void {
    this.running.remove(client);
    this.dropGone();
    const next = this.takeNext();
    if (next === undefined) return;
    this.running.add(next.client);
    next.enter();
  }

  /** Takes a place of those that wait. @returns what gives it back. @throws QueryError `overloaded` */
  wait(client: string): () => void {
    return this.waits.take(client);
  }

  /** @throws QueryError `overloaded`, and what `stream` throws */
  async whileStreaming(client: string, stream: () => Promise<void>): Promise<void> {
    const giveBack = this.streams.take(client);
    try {
      await stream();
    } finally {
      giveBack();
    }
  }

  /** The first of the client that has the fewest requests running. */
  private takeNext(): Queued | undefined {
    let best = 0;
    for (let i = 1; i < this.queue.length; i++)
      if (this.running.of(this.queue[i].client) < this.running.of(this.queue[best].client)) best = i;
    return this.queue.splice(best, 1)[0];
  }

  /** Refuses the latest request of the client with the most queued, which may be the one that comes. @throws QueryError `overloaded` */
  private makeRoomFor(client: string): void {
    const queued = new ClientCounts();
    for (const each of this.queue) queued.add(each.client);
    const heaviest = queued.heaviest();
    if (heaviest === undefined || queued.of(heaviest) <= queued.of(client) + 1) throw overloaded('requests');
    const [dropped] = this.queue.splice(
      this.queue.findLastIndex((each) => each.client === heaviest),
      1,
    );
    dropped.drop(overloaded('requests'));
  }

  /** Those whose clients have gone are not answered. */
  private dropGone(): void {
    if (this.queue.length === 0) return;
    const queue = this.queue.filter((each) => !each.isGone());
    for (const each of this.queue) if (each.isGone()) each.drop(overloaded('requests'));
    this.queue = queue;
  }
}

/** Places of which one client may have only so many. */
class ClientPlaces {
  private readonly taken = new ClientCounts();

  constructor(
    private readonly what: string,
    private readonly max: number,
    private readonly maxPerClient: number,
  ) {}

  /** @returns what gives the place back. @throws QueryError `overloaded` */
  take(client: string): () => void {
    if (this.taken.total >= this.max) throw overloaded(this.what);
    if (this.taken.of(client) >= this.maxPerClient) throw overloaded(this.what, ' for this client');
    this.taken.add(client);
    return () => this.taken.remove(client);
  }
}

function half(max: number): number {
  return Math.ceil(max / 2);
}

function overloaded(what: string, whose = ''): QueryError {
  return new QueryError('overloaded', `Too many ${what} are under way on this instance${whose}.`, {
    members: { retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}
