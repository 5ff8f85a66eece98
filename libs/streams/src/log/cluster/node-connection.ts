import { LogError } from '../../errors/log-error.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { brokerName } from './broker-address.js';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * One connection to one broker, opened by the first request and again after a failure. A connection that failed in any way, a time-out included, is
 * never used again: every request on it rejects at once with a `LogError` of code `LOG_CONNECTION`, and the next one gets a fresh one.
 */
export interface NodeConnection {
  /** @param timeoutMs of the whole request, connecting included. */
  request<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response>;

  /** Requests under way reject with `reason`. */
  close(reason: string): void;
}

export function connectionFailure(address: NodeAddress, reason: string, cause?: unknown): LogError {
  const message = `The connection to ${brokerName(address)} failed: ${reason}.`;
  return new LogError('retriable', 'LOG_CONNECTION', message, { cause });
}
