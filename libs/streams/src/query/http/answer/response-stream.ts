import type { ServerResponse } from 'node:http';
import type { CancelTimer, Clock } from '../../../time/clock.js';
import { isGone, onConnectionClose } from './connection.js';
import { COMMON_HEADERS, takeOver, type QueryResponse } from './http-answer.js';

/** A reader that takes nothing for so long is given up. */
const STALLED_MS = 30_000;
/** Readers and proxies take a connection for dead on which nothing comes for half a minute. */
const SILENT_MAX_MS = 10_000;
/** While the application stops. */
const HURRIED_MS = 1000;

/** Middleware that compresses would hold parts of a stream back (RFC 9111, 5.2.2.6). */
const STREAM_HEADERS = { ...COMMON_HEADERS, 'Cache-Control': `${COMMON_HEADERS['Cache-Control']}, no-transform` };

/** What middleware that collects the body adds to a response. */
interface Flushable {
  flush?(): unknown;
}

/** A body that is written bit by bit, as fast as it is read. */
export class ResponseStream {
  private readonly closing = new AbortController();
  private readonly unwatch: () => void;
  /** Begins the wait for the reader anew, if there is one. */
  private waitAnew: (() => void) | undefined;
  private writes = 0;
  private cancelSign: CancelTimer | undefined;

  private constructor(
    private readonly response: ServerResponse,
    private stalledMs: number,
  ) {
    const close = (): void => this.closing.abort();
    if (isGone(response)) close();
    response.once('close', close);
    this.unwatch = onConnectionClose(response, close);
  }

  static open(
    response: QueryResponse,
    contentType: string,
    headers: Readonly<Record<string, string>>,
    stalledMs = STALLED_MS,
  ): ResponseStream {
    const raw = begin(response, contentType, headers);
    raw.flushHeaders();
    return new ResponseStream(raw, stalledMs);
  }

  /** Answers HEAD as `open` answers GET. */
  static head(response: QueryResponse, contentType: string, headers: Readonly<Record<string, string>>): void {
    begin(response, contentType, headers).end();
  }

  /** Aborts when nobody reads any more. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  /** Settles when the reader has room for more. @throws Error if it went away, or takes nothing. */
  async write(text: string | Uint8Array): Promise<void> {
    this.closed.throwIfAborted();
    if (this.push(text)) return;
    try {
      await this.drained();
    } catch (error) {
      // Before `close` says so: nobody reads what went wrong.
      this.closing.abort();
      this.response.destroy();
      throw error;
    }
  }

  /** Until its end, `sign` is written whenever nothing else was written for 10 seconds; not to a reader that is behind. */
  showLife(sign: string, clock: Clock): void {
    const { writes } = this;
    this.cancelSign = clock.schedule(SILENT_MAX_MS, () => {
      if (this.closed.aborted) return;
      if (this.writes === writes && !this.response.writableNeedDrain) this.push(sign);
      this.showLife(sign, clock);
    });
  }

  /** Waits for the reader no longer than a second from now on. */
  hurry(): void {
    this.stalledMs = Math.min(this.stalledMs, HURRIED_MS);
    this.waitAnew?.();
  }

  /** What was written still has the time of a stalled reader to arrive. */
  end(): void {
    const { response } = this;
    this.cancelSign?.();
    this.unwatch();
    if (response.destroyed) return;
    response.end();
    if (response.writableFinished) return;
    let timer: NodeJS.Timeout | undefined;
    this.waitAnew = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => response.destroy(), this.stalledMs).unref();
    };
    // Behind others of its connection (pipelining) it is not its turn yet.
    if (response.socket !== null) this.waitAnew();
    else response.once('socket', () => this.waitAnew?.());
    const forget = (): void => clearTimeout(timer);
    response.once('finish', forget).once('close', forget);
  }

  /** @returns whether there is room for more. */
  private push(text: string | Uint8Array): boolean {
    this.writes++;
    const hasRoom = this.response.write(text);
    (this.response as Flushable).flush?.();
    return hasRoom;
  }

  /** With a timer of its own: Node 20 collects an `AbortSignal.timeout` that only `AbortSignal.any` refers to, and then it never fires. */
  private drained(): Promise<void> {
    const { response, closed } = this;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.waitAnew = undefined;
        response.off('drain', onDrain);
        closed.removeEventListener('abort', onClose);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onDrain = (): void => settle();
      const onClose = (): void => settle(new Error('The reader has gone away.'));
      this.waitAnew = (): void => {
        clearTimeout(timer);
        const { stalledMs } = this;
        timer = setTimeout(() => settle(new Error(`The reader took nothing for ${stalledMs} ms.`)), stalledMs);
      };
      this.waitAnew();
      response.once('drain', onDrain);
      closed.addEventListener('abort', onClose, { once: true });
    });
  }
}

function begin(
  response: QueryResponse,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): ServerResponse {
  const raw = takeOver(response);
  for (const [name, value] of Object.entries({ ...STREAM_HEADERS, ...headers, 'Content-Type': contentType }))
    raw.setHeader(name, value);
  return raw.writeHead(200);
}
