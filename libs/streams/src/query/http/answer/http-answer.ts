import type { IncomingMessage, ServerResponse } from 'node:http';

/** What Express' `Request` and Fastify's `Request` share. */
export interface QueryRequest {
  /** As the client wrote it, percent-encoding included. */
  readonly originalUrl: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  /** Address of the client; behind a proxy, what the platform is set up to trust. */
  readonly ip?: string;
  /** As the platform's parser read it. */
  readonly body?: unknown;
}

/** What Express' `Response` and Fastify's `Reply` share. Bodies are bytes, so that neither touches the content type. */
export interface QueryResponse {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body?: Uint8Array): unknown;
  /** Fastify's: the response below. Express' is that itself. */
  readonly raw?: ServerResponse;
  /** Fastify's: from here on, the caller answers. */
  hijack?(): unknown;
  getHeaders?(): Readonly<Record<string, number | string | string[] | undefined>>;
}

export interface HttpAnswer {
  readonly status: number;
  /** Absent where there is no body. */
  readonly contentType?: string;
  /** Absent from a 304, which must not tell the length of what it leaves out. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** State changes with every commit, and stored text is nobody's script. */
export const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

/** Hot path (bench `query`, local/controller). */
export function sendAnswer(response: QueryResponse, { status, contentType, body, headers }: HttpAnswer): void {
  response.status(status);
  if (contentType !== undefined) response.header('Content-Type', contentType);
  for (const name in COMMON_HEADERS) response.header(name, COMMON_HEADERS[name as keyof typeof COMMON_HEADERS]);
  for (const name in headers) response.header(name, headers[name]);
  const raw = rawResponse(response);
  const isHead = raw.req.method === 'HEAD';
  if (response.raw === undefined) {
    // Express' `send` would add an ETag, and answer 304 as it sees fit.
    if (body !== undefined) raw.setHeader('Content-Length', body.length);
    if (body === undefined || isHead) raw.end();
    else raw.end(body);
  } else if (body === undefined && isHead) {
    // Fastify's own hook for HEAD would say that the length is 0.
    takeOver(response).end();
  } else response.send(body);
}

/** The response of Node below that of the platform. */
export function rawResponse(response: QueryResponse): ServerResponse {
  return response.raw ?? (response as unknown as ServerResponse);
}

/** As `rawResponse`, for who answers instead of the platform; with the headers that it was given so far, which Fastify keeps to itself. */
export function takeOver(response: QueryResponse): ServerResponse {
  if (response.raw === undefined) return rawResponse(response);
  const { raw } = response;
  response.hijack?.();
  for (const [name, value] of Object.entries(response.getHeaders?.() ?? {}))
    if (value !== undefined) raw.setHeader(name, value);
  return raw;
}
