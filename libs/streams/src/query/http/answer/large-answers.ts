import type { ServerResponse } from 'node:http';
import { QueryError } from '../../problem/query-error.js';
import { isGone, onConnectionClose } from './connection.js';
import { rawResponse, sendAnswer, type HttpAnswer, type QueryResponse } from './http-answer.js';

/** Smaller bodies fit into the buffers of connections, and are not counted. */
const LARGE_BYTES = 64 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;
/** Not a number of seconds, so that it is told from the time-outs of others. */
const STALLED_MS = 30_001;
const RETRY_S = 1;

/** Bounds the bytes of large bodies that wait for their readers, and gives up readers that take nothing for half a minute. */
export class LargeAnswers {
  private bytes = 0;

  constructor(
    private readonly maxBytes = MAX_BYTES,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Sends an answer whatever its size. @throws QueryError `overloaded` if it is large, and others that are have not been taken yet */
  send(response: QueryResponse, answer: HttpAnswer): void {
    const raw = rawResponse(response);
    const size = answer.body?.length ?? 0;
    if (size >= LARGE_BYTES && !isGone(raw)) this.hold(raw, size);
    sendAnswer(response, answer);
  }

  private hold(response: ServerResponse, size: number): void {
    if (this.bytes > 0 && this.bytes + size > this.maxBytes)
      throw new QueryError('overloaded', 'Too many large answers wait for their readers on this instance.', {
        members: { retryAfterS: RETRY_S },
        retryAfterS: RETRY_S,
      });
    this.bytes += size;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.bytes -= size;
      unwatch();
    };
    const unwatch = onConnectionClose(response, release);
    response.once('close', release);
    this.cutOffStalled(response);
  }

  private cutOffStalled(response: ServerResponse): void {
    const { socket } = response.req;
    const before = socket.timeout ?? 0;
    response.setTimeout(this.stalledMs, () => response.destroy());
    // A connection that is kept alive has a time-out of its own by then; one with further requests that wait here has none.
    response.once('finish', () => {
      if (socket.timeout === this.stalledMs) socket.setTimeout(before);
    });
  }
}
