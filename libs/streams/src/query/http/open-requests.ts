import type { ServerResponse } from 'node:http';
import { QueryError } from '../problem/query-error.js';
import { isGone, onConnectionClose } from './answer/connection.js';

const RETRY_S = 1;

/** One request whose work ends with its client. */
export interface OpenRequest {
  /** Aborts when the connection closes, the instance stops, or the request is answered, with a `QueryError` as reason. */
  readonly signal: AbortSignal;
  /** Call when the request has been answered. Ends parts of it that no answer waits for. */
  close(): void;
}

/** The requests that may take long: the ones that wait, scan, count or look up several keys. */
export class OpenRequests {
  private readonly open = new Set<AbortController>();
  private stopReason: QueryError | undefined;

  begin(response: ServerResponse): OpenRequest {
    const controller = new AbortController();
    const leave = (): void => controller.abort(new QueryError('overloaded', 'The client has gone away.'));
    if (this.stopReason !== undefined) controller.abort(this.stopReason);
    if (isGone(response)) leave();
    const unwatch = onConnectionClose(response, leave);
    this.open.add(controller);
    return {
      signal: controller.signal,
      close: () => {
        this.open.delete(controller);
        unwatch();
        controller.abort(new QueryError('overloaded', 'The request has been answered.'));
      },
    };
  }

  /** Ends all of them, and every later one, with 503. */
  stop(instanceId: string): void {
    this.stopReason = new QueryError('not-running', `The instance "${instanceId}" stops and ends this query.`, {
      members: { state: 'stopping', retryAfterS: RETRY_S },
      retryAfterS: RETRY_S,
    });
    for (const controller of this.open) controller.abort(this.stopReason);
  }
}
