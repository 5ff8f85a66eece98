import { Agent, type Dispatcher } from 'undici';
import type { PeerTlsOptions } from '../../config/peer-options.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import { knownProblem } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import type { PeerAuth, PeerCredentials } from './peer-auth.js';
import { PEER_CONTENT_TYPE, PEER_HEADER, PEER_MAX_BYTES, PEER_PATH, SIGNATURE_HEADER, type Peer } from './peer.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import { REQUEST_MAX_BYTES, type PeerOperation } from './peer-protocol.js';
import { MAX_TIMER_MS } from '../../time/system-clock.js';

/** To one instance, of each agent. */
const MAX_SOCKETS = 64;
const RETRY_S = 1;

export interface PeerClientOptions {
  readonly instanceId: string;
  readonly timeoutMs: number;
  /** Absent: the client certificate of `tls` is the only proof. */
  readonly auth: PeerAuth | undefined;
  readonly tls: PeerTlsOptions | undefined;
  readonly metrics: StreamsMetrics;
}

interface Target {
  readonly origin: string;
  readonly path: string;
  readonly method: 'POST';
}

interface PeerAnswer {
  readonly status: number;
  readonly answer: Buffer;
  readonly signature: string | undefined;
  readonly date: string | undefined;
}

/** Calls other instances over connections that are kept open. Calls that may wait have connections of their own, so they hold up each other and nobody else. */
export class PeerClient {
  private readonly agent: Agent;
  private readonly waitingAgent: Agent;
  private readonly targets = new WeakMap<Peer, Target>();

  constructor(private readonly options: PeerClientOptions) {
    this.agent = agentOf(options);
    this.waitingAgent = agentOf(options);
  }

  /**
   * @param waitMs that the peer may take beyond the usual time.
   * @throws QueryError as the peer said, or `peer-unreachable`, `peer-timeout`; `body-too-large` and `failed` if the message or its answer exceeds what a call carries.
   */
  async call(operation: PeerOperation, peer: Peer, message: PeerMessage, waitMs = 0): Promise<PeerMessage> {
    const { metrics } = this.options;
    const startedAt = performance.now();
    let outcome = 'answered';
    try {
      return await this.ask(peer, message, waitMs);
    } catch (error) {
      outcome = error instanceof QueryError ? error.problem.name : 'failed';
      throw error;
    } finally {
      metrics.add('streams_peer_calls_total', { operation, outcome }, 1);
      metrics.observe('streams_peer_latency_seconds', { operation }, (performance.now() - startedAt) / 1000);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.agent.destroy(), this.waitingAgent.destroy()]);
  }

  private async ask(peer: Peer, message: PeerMessage, waitMs: number): Promise<PeerMessage> {
    const body = encodeMessage(message);
    if (body.length > REQUEST_MAX_BYTES)
      throw new QueryError(
        'body-too-large',
        `The query has ${body.length} bytes for the instance "${peer.instanceId}", and a call has ${REQUEST_MAX_BYTES} at most.`,
      );
    const { instanceId, auth, timeoutMs } = this.options;
    const credentials = auth?.sign(instanceId, peer.instanceId, body);
    const agent = waitMs > 0 ? this.waitingAgent : this.agent;
    const { status, answer, signature, date } = await this.send(
      agent,
      peer,
      body,
      credentials,
      Math.ceil(timeoutMs + waitMs),
    );
    if (auth && credentials && !auth.isAnswer(credentials, status, answer, signature))
      throw unreachable(peer, `answered ${status}, and ${auth.doubt(date)}`);
    let decoded: PeerMessage;
    try {
      decoded = decodeMessage(answer);
    } catch (cause) {
      throw unreachable(peer, `answered ${status} with what is no message of an instance`, cause);
    }
    if (status === 200) return decoded;
    throw problemOf(peer, decoded);
  }

  private async send(
    agent: Agent,
    peer: Peer,
    body: Buffer,
    credentials: PeerCredentials | undefined,
    timeoutMs: number,
  ): Promise<PeerAnswer> {
    const exchange = new Exchange();
    let isLate = false;
    const timer = setTimeout(
      () => {
        isLate = true;
        exchange.abort(new Error(`No answer in ${timeoutMs} ms.`));
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    try {
      const headers = {
        'content-type': PEER_CONTENT_TYPE,
        ...(credentials && { [PEER_HEADER]: credentials.peer, [SIGNATURE_HEADER]: credentials.signature }),
      };
      agent.dispatch({ ...this.targetOf(peer), headers, body }, exchange);
      return await exchange.answer;
    } catch (cause) {
      if (isLate)
        throw new QueryError('peer-timeout', `The instance "${peer.instanceId}" did not answer in ${timeoutMs} ms.`, {
          cause,
          members: { instance: peer.instanceId, retryAfterS: RETRY_S },
          retryAfterS: RETRY_S,
        });
      // The same query would be answered so again, so it is not tried again.
      if (exchange.isTooLarge)
        throw new QueryError(
          'failed',
          `The instance "${peer.instanceId}" answered with more than ${PEER_MAX_BYTES} bytes, which is more than a call carries.`,
          { cause, members: { instance: peer.instanceId } },
        );
      throw unreachable(peer, 'could not be reached', cause);
    } finally {
      clearTimeout(timer);
    }
  }

  private targetOf(peer: Peer): Target {
    let target = this.targets.get(peer);
    if (target === undefined) {
      const { origin, pathname } = new URL(peer.url + PEER_PATH);
      target = { origin, path: pathname, method: 'POST' };
      this.targets.set(peer, target);
    }
    return target;
  }
}

/** Each call has a time-out of its own. */
function agentOf({ tls }: PeerClientOptions): Agent {
  return new Agent({ connections: MAX_SOCKETS, headersTimeout: 0, bodyTimeout: 0, connect: { ...tls } });
}

/** One call. By events, without a stream: bench `query`, forwarded/local. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<PeerAnswer>;
  isTooLarge = false;
  private settle!: { resolve: (answer: PeerAnswer) => void; reject: (error: Error) => void };
  private controller: Dispatcher.DispatchController | undefined;
  private failure: Error | undefined;
  private status = 0;
  private signature: string | undefined;
  private date: string | undefined;
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  /** Also before the request is sent. */
  abort(reason: Error): void {
    this.failure = reason;
    this.controller?.abort(reason);
    this.settle.reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.failure !== undefined) controller.abort(this.failure);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    { [SIGNATURE_HEADER]: signature, date }: Record<string, string | string[] | undefined>,
  ): void {
    this.status = status;
    this.signature = typeof signature === 'string' ? signature : undefined;
    this.date = typeof date === 'string' ? date : undefined;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size <= PEER_MAX_BYTES) this.chunks.push(chunk);
    else if (!this.isTooLarge) {
      this.isTooLarge = true;
      this.abort(new RangeError(`More than ${PEER_MAX_BYTES} bytes were sent.`));
    }
  }

  onResponseEnd(): void {
    const { status, signature, date, chunks } = this;
    this.settle.resolve({ status, signature, date, answer: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.settle.reject(error);
  }
}

function problemOf(peer: Peer, { head }: PeerMessage): QueryError {
  const { problem, detail, members, retryAfterS } = head;
  const name = typeof problem === 'string' ? knownProblem(problem) : undefined;
  if (name === undefined || typeof detail !== 'string') return unreachable(peer, 'refused without a reason');
  return new QueryError(name, detail, {
    members: typeof members === 'object' && members !== null ? (members as Record<string, unknown>) : {},
    ...(typeof retryAfterS === 'number' ? { retryAfterS } : {}),
  });
}

function unreachable({ instanceId }: Peer, what: string, cause?: unknown): QueryError {
  return new QueryError('peer-unreachable', `The instance "${instanceId}" ${what}.`, {
    cause,
    members: { instance: instanceId, retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}
