import { setMaxListeners } from 'node:events';
import { bufferOf } from '../../../bytes/buffer-of.js';
import type { Clock } from '../../../time/clock.js';
import { SystemClock } from '../../../time/system-clock.js';
import type { StoreDefinition } from '../../../topology/store-definition.js';
import { formatFeedPosition, type FeedPosition } from '../../feed/feed-position.js';
import type { FeedEvent } from '../../feed/store-feed.js';
import { visibleEvents } from '../../feed/visible-events.js';
import { QueryError } from '../../problem/query-error.js';
import { typedJson } from '../../typed-json.js';
import type { EntryJson } from './entry-json.js';
import { rawResponse, type QueryRequest, type QueryResponse } from './http-answer.js';
import { problemDocument } from './problem-document.js';
import { ResponseStream } from './response-stream.js';

export const EVENT_STREAM = 'text/event-stream';

/** After this a client whose feed broke off asks again; spread, so that those of a stopped instance do not come all at once. */
const RETRY_MIN_MS = 500;
const RETRY_SPREAD_MS = 1500;
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface StreamChangesOptions {
  readonly definition: StoreDefinition;
  readonly json: EntryJson;
  readonly mayRead: ((key: Uint8Array) => boolean | Promise<boolean>) | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly stopping: AbortSignal;
  /** Default: that of the system. */
  readonly clock?: Clock;
}

export function feedHeaders(instanceId: string): Readonly<Record<string, string>> {
  // nginx would keep events until it has a buffer full of them.
  return { 'Streams-Instance': instanceId, 'X-Accel-Buffering': 'no' };
}

type OpenFeed = (signal: AbortSignal) => Promise<AsyncGenerator<FeedEvent>>;

/** Opens a feed that nobody reads. @throws QueryError where it cannot be opened. */
export async function probeChanges(open: OpenFeed): Promise<void> {
  const ending = new AbortController();
  try {
    const events = await open(ending.signal);
    await events.return(undefined);
  } finally {
    ending.abort();
  }
}

/** Writes a feed as server-sent events (HTML Standard, 9.2). */
export async function streamChanges(
  response: QueryResponse,
  open: OpenFeed,
  { definition, json, mayRead, headers, url, stopping, clock = new SystemClock() }: StreamChangesOptions,
): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  let stream: ResponseStream | undefined;
  const stop = (): void => {
    end();
    stream?.hurry();
  };
  // Not AbortSignal.any: what it makes is never removed from a signal that outlives it, on Node 20.
  setMaxListeners(0, stopping);
  stopping.addEventListener('abort', stop, { once: true });
  try {
    if (stopping.aborted) end();
    const events = await open(ending.signal);
    // Connection: close. A server that stops would wait for the connection for as long as it keeps idle ones open.
    rawResponse(response).shouldKeepAlive = false;
    stream = ResponseStream.open(response, EVENT_STREAM, headers);
    if (stopping.aborted) stream.hurry();
    if (stream.closed.aborted) end();
    stream.closed.addEventListener('abort', end, { once: true });
    await stream.write(retryAfter(RETRY_MIN_MS));
    for await (const event of mayRead ? visibleEvents(events, mayRead, clock) : events)
      await stream.write(text(event, definition, json));
  } catch (error) {
    if (stream === undefined) throw error;
    if (stream.closed.aborted) return;
    await stream.write(`event: problem\n${problemData(error, url)}`).catch(() => {});
    if (!(error instanceof QueryError)) throw error;
  } finally {
    stopping.removeEventListener('abort', stop);
    end();
    stream?.end();
  }
}

/**
 * Answers a feed that cannot begin now as one that ends at once, because `EventSource` never asks again after any status but 200. A problem that passes
 * comes with the time after which the client asks again. A position that is gone comes with an empty id, so that the client begins without one.
 * @throws the error where another request would end in it as well, and to clients that take anything but event streams
 */
export async function endAtOnce(
  error: unknown,
  request: QueryRequest,
  response: QueryResponse,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const isGone = error instanceof QueryError && error.problem.name === 'feed-gone';
  if (!(isGone || isPassing(error)) || !takesOnlyEvents(request) || rawResponse(response).headersSent) throw error;
  rawResponse(response).shouldKeepAlive = false;
  const stream = ResponseStream.open(response, EVENT_STREAM, headers);
  const retry = retryAfter(Math.max(RETRY_MIN_MS, (error.retryAfterS ?? 0) * 1000));
  const id = isGone ? 'id:\n' : '';
  await stream.write(`${retry}event: problem\n${id}${problemData(error, request.originalUrl)}`).catch(() => {});
  stream.end();
}

function isPassing(error: unknown): error is QueryError {
  return error instanceof QueryError && PASSING.has(error.problem.status) && error.members['state'] !== 'failed';
}

/** As browsers ask for an `EventSource`. */
function takesOnlyEvents({ method, headers }: QueryRequest): boolean {
  return method === 'GET' && headers.accept?.trim().toLowerCase() === EVENT_STREAM;
}

function retryAfter(minMs: number): string {
  return `retry: ${Math.round(minMs + Math.random() * RETRY_SPREAD_MS)}\n\n`;
}

function problemData(error: unknown, url: string): string {
  return `data: ${bufferOf(problemDocument(error, url).body).toString('utf8')}\n\n`;
}

function text(event: FeedEvent, definition: StoreDefinition, json: EntryJson): string {
  switch (event.type) {
    case 'snapshot-begin':
      return 'event: snapshot-begin\ndata: {}\n\n';
    case 'entry':
      return `event: entry\ndata: ${json.entry(event)}\n\n`;
    case 'snapshot-end':
      return `event: snapshot-end\n${idOf(event.position)}data: ${positionJson(definition.name, event.shown)}\n\n`;
    case 'bookmark':
      return `event: bookmark\n${idOf(event.position)}data: ${positionJson(definition.name, event.position.offsets)}\n\n`;
    case 'change': {
      const { key, value, position } = event;
      if (value === null) {
        const data = typedJson({ key: definition.key.deserialize(key) });
        return `event: delete\n${idOf(position)}data: ${data}\n\n`;
      }
      return `event: put\n${idOf(position)}data: ${json.entry({ key, value })}\n\n`;
    }
    case 'idle':
      return ': idle\n\n';
  }
}

function idOf(position: FeedPosition | undefined): string {
  return position === undefined ? '' : `id: ${formatFeedPosition(position)}\n`;
}

/** The token of `Streams-Position`, by which a read can be made to show at least what the feed has told. */
function positionJson(store: string, offsets: FeedPosition['offsets']): string {
  const token = offsets.flatMap((offset, partition) => (offset === undefined ? [] : `${store}:${partition}:${offset}`));
  return JSON.stringify({ position: token.join(',') });
}
