import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { QueryError } from '../../problem/query-error.js';
import { isGone, onConnectionClose } from './connection.js';
import { rawResponse, sendAnswer, type HttpAnswer, type QueryResponse } from './http-answer.js';

/** Smaller bodies fit into the buffers of a connection on which nothing else waits, and are not counted. */
const LARGE_BYTES = 64 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;
/** Not a number of seconds, so that it is told from the time-outs of others. */
const STALLED_MS = 30_001;
const RETRY_S = 1;

/**
 * Bounds the bytes of bodies that wait for their readers, those of one client to half of that, and gives up readers that take nothing for half a minute.
 * Small bodies count only on connections whose reader is behind.
 */
export class LargeAnswers {
  private bytes = 0;
  private readonly ofClients = new Map<string, number>();

  constructor(
    private readonly maxBytes = MAX_BYTES,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Sends an answer whatever its size. @throws QueryError `overloaded` if it would wait for its reader, and too many others do */
  send(response: QueryResponse, answer: HttpAnswer, client: string): void {
    const raw = rawResponse(response);
    const size = answer.body?.length ?? 0;
    if (!isGone(raw) && (size >= LARGE_BYTES || isBehind(raw))) this.hold(raw, size, client);
    sendAnswer(response, answer);
  }

  private hold(response: ServerResponse, size: number, client: string): void {
    const own = this.ofClients.get(client) ?? 0;
    const isTooMuch = this.bytes > 0 && this.bytes + size > this.maxBytes;
    if (isTooMuch || (own > 0 && own + size > this.maxBytes / 2))
      throw new QueryError('overloaded', 'Too many large answers wait for their readers on this instance.', {
        members: { retryAfterS: RETRY_S },
        retryAfterS: RETRY_S,
      });
    this.count(client, size);
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.count(client, -size);
      unwatch();
    };
    const unwatch = onConnectionClose(response, release);
    response.once('close', release);
    this.cutOffStalled(response);
  }

  private count(client: string, bytes: number): void {
    this.bytes += bytes;
    const own = (this.ofClients.get(client) ?? 0) + bytes;
    if (own > 0) this.ofClients.set(client, own);
    else this.ofClients.delete(client);
  }

  private cutOffStalled(response: ServerResponse): void {
    const { socket } = response.req;
    // None where a request is injected.
    if (!(socket instanceof Socket)) return;
    const before = socket.timeout === this.stalledMs ? 0 : (socket.timeout ?? 0);
    response.setTimeout(this.stalledMs, () => response.destroy());
    // Before Node's own listener, which sets the time-out of a connection that is kept alive, or gives it to the next response, which may have this one.
    response.prependOnceListener('finish', () => {
      if (socket.timeout === this.stalledMs) socket.setTimeout(before);
    });
  }
}

/** Whether the connection has not taken what came before: a client may send many requests at a time and read none of their answers. */
function isBehind({ socket }: ServerResponse): boolean {
  return socket === null || socket.writableLength > 0;
}
