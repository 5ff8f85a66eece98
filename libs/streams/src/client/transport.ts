import { Instances } from './instances.js';
import { StreamsProblem } from './problem.js';

export interface TransportOptions {
  /** Base URLs of instances; any of them answers for all. */
  readonly urls: readonly string[];
  /** Of each request, such as `authorization`. */
  readonly headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** How often a request is sent in all. Default 6. */
  readonly maxAttempts?: number;
  /** Longest pause between two attempts; the first is a tenth of a second at most, and each is a random part of it. Default 5 s. */
  readonly maxBackOffMs?: number;
}

export interface TransportRequest {
  readonly method?: 'GET' | 'POST';
  /** Behind the base URL. */
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Not told apart by the class of the answer: a `fetch` of another package answers with a class of its own. */
export type Outcome =
  | { readonly isAnswered: true; readonly response: Response; readonly instance: string }
  /** With a StreamsProblem, or what `fetch` threw; `quietMs` is how long the next one to be asked wants no request. */
  | { readonly isAnswered: false; readonly error: unknown; readonly quietMs: number };

const PASSING = new Set([429, 502, 503, 504]);
const FIRST_BACK_OFF_MS = 100;

/** Sends requests to one of several instances, and to the next one where that does not answer; one that fails is set aside for some time. */
export class Transport {
  private readonly fetch: typeof globalThis.fetch;
  private readonly maxAttempts: number;
  private readonly maxBackOffMs: number;
  private readonly instances: Instances;

  constructor(private readonly options: TransportOptions) {
    if (options.urls.length === 0) throw new TypeError('A client of streams needs the URL of at least one instance.');
    this.instances = new Instances(options.urls);
    this.fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.maxAttempts = options.maxAttempts ?? 6;
    this.maxBackOffMs = options.maxBackOffMs ?? 5000;
  }

  /**
   * Repeats what may pass: lost connections, 429, 502, 503 and 504, after `Retry-After` or a random pause that grows.
   * @returns an answer below 400. @throws StreamsProblem; what `fetch` throws after the last attempt, or when `signal` aborts
   */
  async send(request: TransportRequest): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.once(request);
      if (outcome.isAnswered) return outcome.response;
      const { error, quietMs } = outcome;
      const isLast = attempt >= this.maxAttempts || request.signal?.aborted === true;
      if (isLast || !isPassing(error)) throw error;
      await pause(Math.max(quietMs, this.backOffMs(attempt)), request.signal);
    }
  }

  /** One attempt: the answer if it is below 400, otherwise why there is none. */
  async once(request: TransportRequest): Promise<Outcome> {
    const { instances } = this;
    const url = instances.next(performance.now());
    let owner: string | null = null;
    try {
      let answer = await this.ask(`${url}${request.path}`, request);
      owner = answer.status === 421 ? answer.headers.get('streams-location') : null;
      if (owner !== null) {
        // An instance that does not call the others names the owner instead.
        instances.answered(url);
        release(answer);
        answer = await this.ask(owner, request);
      }
      if (answer.status >= 400) throw await StreamsProblem.of(answer);
      if (owner === null) instances.answered(url);
      return { isAnswered: true, response: answer, instance: url };
    } catch (error) {
      const retryAfterMs = error instanceof StreamsProblem ? (error.retryAfterMs ?? 0) : 0;
      const nowMs = performance.now();
      // An instance that never answers ends in the caller's own time-out, and must not get the next request as well.
      if (owner !== null || request.signal?.aborted === true) instances.turnFrom(url);
      else if (!isPassing(error)) instances.answered(url);
      else instances.failed(url, nowMs, retryAfterMs);
      // The other instances name the same owner.
      const quietMs = owner === null ? instances.quietMs(nowMs) : retryAfterMs;
      return { isAnswered: false, error, quietMs: Math.min(quietMs, this.maxBackOffMs) };
    }
  }

  /** The next request goes to another instance than this one. */
  turnFrom(instance: string): void {
    this.instances.turnFrom(instance);
  }

  private async ask(url: string, { method = 'GET', headers, body, signal }: TransportRequest): Promise<Response> {
    return this.fetch(url, {
      method,
      headers: { ...(await this.options.headers?.()), ...headers },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
  }

  private backOffMs(attempt: number): number {
    return Math.random() * Math.min(this.maxBackOffMs, FIRST_BACK_OFF_MS * 2 ** (attempt - 1));
  }
}

function isPassing(error: unknown): boolean {
  return !(error instanceof StreamsProblem) || PASSING.has(error.status);
}

/** Lets go of the connection of an answer that nobody reads. */
function release({ body }: Response): void {
  void body?.cancel().catch(() => {});
}

export function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body !== null) return response.body;
  throw new Error('The answer has no body.');
}

/** A timer of more than this fires at once, in browsers too. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(ms, MAX_TIMER_MS));
    signal?.addEventListener('abort', finish, { once: true });
  });
}
