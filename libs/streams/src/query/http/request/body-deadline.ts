import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';

/** From the head of a request to the end of its body. */
export const BODY_TIMEOUT_MS = 30_000;

/** Node's own default of `requestTimeout`. */
const REQUEST_TIMEOUT_MS = 300_000;

const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/**
 * Ends connections whose request to a route with a body does not arrive in time. Fastify sets no limit of its own (`requestTimeout: 0`), and reads
 * bodies before the controller is called. Prefix and version of the application are unknown here, so a route is known by the end of its path.
 *
 * @param path of the controller
 */
export function limitBodyTime(server: EventEmitter, path: string, timeoutMs = BODY_TIMEOUT_MS): void {
  const base = path.replace(/^\/+|\/+$/g, '');
  const lookup = new RegExp(`(?:^|/)${escaped(base)}/[^/]+/lookup/?$`);
  server.prependListener('request', (request: IncomingMessage) => {
    if (request.method !== 'POST' || !lookup.test(pathOf(request))) return;
    const timer = setTimeout(() => end(request), timeoutMs);
    timer.unref();
    const forget = (): void => clearTimeout(timer);
    request.once('end', forget).once('close', forget);
  });
}

/**
 * Gives back the limit that Node has for requests to arrive to a server that has none, as those of Fastify. Without it a client keeps a connection for as
 * long as it sends a byte of a body now and then, whatever the route, even one that does not exist.
 */
export function limitRequestTime(server: EventEmitter & { requestTimeout?: number }): void {
  if (server.requestTimeout === 0) server.requestTimeout = REQUEST_TIMEOUT_MS;
}

function end(request: IncomingMessage): void {
  const { socket, httpVersionMajor } = request;
  if (request.complete) return;
  if (httpVersionMajor === 1 && socket.writable) socket.write(TIMED_OUT);
  request.destroy();
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
