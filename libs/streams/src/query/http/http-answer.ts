/** What Express' `Request` and Fastify's `Request` share. */
export interface QueryRequest {
  /** As the client wrote it, percent-encoding included. */
  readonly originalUrl: string;
}

/** What Express' `Response` and Fastify's `Reply` share. Bodies are bytes, so that neither touches the content type. */
export interface QueryResponse {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: Uint8Array): unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** State changes with every commit, and stored text is nobody's script. */
const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

export function sendAnswer(response: QueryResponse, { status, contentType, body, headers }: HttpAnswer): void {
  response.status(status);
  response.header('Content-Type', contentType);
  for (const [name, value] of Object.entries({ ...COMMON_HEADERS, ...headers })) response.header(name, value);
  response.send(body);
}
