import type { QueryRequest } from '../answer/http-answer.js';
import { clientOfAddress } from './client-address.js';
import { ClientCounts } from './client-counts.js';
import { overloaded } from './overloaded.js';
import { RequestGate } from './request-gate.js';

export interface RequestLimitOptions {
  /** Requests that are answered at a time; others are queued. Clients take turns, and one has at most half. Default 512. */
  readonly maxConcurrent?: number;
  /** Pages, counts and look-ups that are read at a time, apart from `maxConcurrent`; and as many with `Prefer: wait`. Default 32. */
  readonly maxScans?: number;
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

/** Bounds what an instance answers at a time, and what one client may take of it. */
export class RequestLimits {
  private readonly points: RequestGate;
  /** What these hold in memory is many times what others do, and they take long: they have places of their own. */
  private readonly scans: RequestGate;
  private readonly waits: ClientPlaces;
  private readonly waitingScans: ClientPlaces;
  private readonly streams: ClientPlaces;

  constructor(private readonly options: RequestLimitOptions = {}) {
    const { maxConcurrent = 512, maxScans = 32, maxQueued = 1024, maxWaiting = 1024, maxStreams = 64 } = options;
    const { maxWaitingPerClient = half(maxWaiting), maxStreamsPerClient = half(maxStreams) } = options;
    this.points = new RequestGate('requests', maxConcurrent, maxQueued);
    this.scans = new RequestGate('pages, counts and look-ups', maxScans, maxQueued);
    this.waits = new ClientPlaces('requests that wait', maxWaiting, maxWaitingPerClient);
    this.waitingScans = new ClientPlaces('pages, counts and look-ups that wait', maxScans, half(maxScans));
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

  /** The gate of a request: `isScan` for those that read many entries. */
  gate(isScan: boolean): RequestGate {
    return isScan ? this.scans : this.points;
  }

  /** Takes a place of those that wait. @returns what gives it back. @throws QueryError `overloaded` */
  wait(isScan: boolean, client: string): () => void {
    return (isScan ? this.waitingScans : this.waits).take(client);
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
