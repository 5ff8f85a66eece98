import { Agent, type Dispatcher } from 'undici';
import type { PeerTlsOptions } from '../../config/peer-options.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import { knownProblem } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import type { ReadBounds } from '../reads/partition-reads.js';
import type { PeerAuth, PeerCredentials } from './peer-auth.js';
import {
  PEER_CONTENT_TYPE,
  PEER_HEADER,
  PEER_MAX_BYTES,
  PEER_PATH,
  SIGNATURE_HEADER,
  VERSION_HEADER,
  type Peer,
} from './peer.js';
import { MalformedMessageError } from './message-fields.js';
import { CallSlots } from './call-slots.js';
import { peerUrlOf } from '../../config/peer-url.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import { REQUEST_MAX_BYTES, type PeerOperation } from './peer-protocol.js';
import { MAX_TIMER_MS } from '../../time/system-clock.js';

/** To one instance, of each agent. */
const MAX_SOCKETS = 64;
/** Of them, for one client: others are not kept from asking. */
const MAX_SOCKETS_PER_CLIENT = 48;
/** Calls of one instance that wait for a connection. A scan makes one for each partition. */
const MAX_WAITING = 16_384;
const MAX_WAITING_PER_CLIENT = 8192;
const RETRY_S = 1;

export interface PeerClientOptions {
  readonly instanceId: string;
  readonly timeoutMs: number;
  /** Absent: the client certificate of `tls` is the only proof. */
  readonly auth: PeerAuth | undefined;
  readonly tls: PeerTlsOptions | undefined;
  readonly metrics: StreamsMetrics;
}

/** On whose behalf a call is made; it ends with its signal. */
export type CallReader = Pick<ReadBounds, 'signal' | 'client'>;

interface Target {
  readonly origin: string;
  readonly path: string;
  readonly method: 'POST';
}

interface PeerAnswer {
  readonly status: number;
  readonly answer: Buffer;
  readonly credentials: PeerCredentials | undefined;
  readonly signature: string | undefined;
  readonly version: string | undefined;
  readonly date: string | undefined;
}

/** Calls other instances over connections that are kept open. Calls that may wait have connections of their own, so they hold up each other and nobody else. */
export class PeerClient {
  private readonly usual: Lines;
  private readonly waiting: Lines;
  private readonly targets = new WeakMap<Peer, Target>();

  constructor(private readonly options: PeerClientOptions) {
    this.usual = linesOf(options);
    this.waiting = linesOf(options);
  }

  /**
   * @param decode reads the answer. @param waitMs that the peer may take beyond the usual time.
   * @throws QueryError as the peer said, or `peer-unreachable`, `peer-timeout`; `overloaded` if too many calls wait; `body-too-large` and `failed` if the
   * message or its answer exceeds what a call carries; and the reason of the signal.
   */
  async call<T>(
    operation: PeerOperation,
    peer: Peer,
    message: PeerMessage,
    decode: (answer: PeerMessage) => T,
    waitMs = 0,
    reader: CallReader = {},
  ): Promise<T> {
    const { metrics } = this.options;
    const startedAt = performance.now();
    let outcome = 'answered';
    try {
      return await this.ask(peer, message, decode, waitMs, reader);
    } catch (error) {
      if (reader.signal?.aborted === true) outcome = 'aborted';
      else outcome = error instanceof QueryError ? error.problem.name : 'failed';
      throw error;
    } finally {
      metrics.add('streams_peer_calls_total', { operation, outcome }, 1);
      metrics.observe('streams_peer_latency_seconds', { operation }, (performance.now() - startedAt) / 1000);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.usual.agent.destroy(), this.waiting.agent.destroy()]);
  }

  private async ask<T>(
    peer: Peer,
    message: PeerMessage,
    decode: (answer: PeerMessage) => T,
    waitMs: number,
    reader: CallReader,
  ): Promise<T> {
    reader.signal?.throwIfAborted();
    const body = encodeMessage(message);
    if (body.length > REQUEST_MAX_BYTES)
      throw new QueryError(
        'body-too-large',
        `The query has ${body.length} bytes for the instance "${peer.instanceId}", and a call has ${REQUEST_MAX_BYTES} at most.`,
      );
    const { auth, timeoutMs } = this.options;
    const lines = waitMs > 0 ? this.waiting : this.usual;
    const sent = await this.send(lines, peer, body, Math.ceil(timeoutMs + waitMs), reader);
    const { status, answer, credentials, signature, version, date } = sent;
    if (auth && credentials && !auth.isAnswer(credentials, status, answer, signature))
      throw unreachable(peer, `answered ${status}, and ${auth.doubt(date, version)}`);
    try {
      const decoded = decodeMessage(answer);
      if (status === 200) return decode(decoded);
      throw problemOf(peer, decoded);
    } catch (cause) {
      if (!(cause instanceof MalformedMessageError)) throw cause;
      throw unreachable(peer, `answered ${status} and cannot be understood`, cause);
    }
  }

  private async send(
    { agent, slots }: Lines,
    peer: Peer,
    body: Buffer,
    timeoutMs: number,
    { signal, client }: CallReader,
  ): Promise<PeerAnswer> {
    const target = this.targetOf(peer);
    const exchange = new Exchange();
    let isLate = false;
    // Signed when a connection is free: a signature ages.
    const begin = (): void => {
      if (exchange.isAborted) return;
      const credentials = this.options.auth?.sign(this.options.instanceId, peer.instanceId, body);
      exchange.credentials = credentials;
      const headers = {
        'content-type': PEER_CONTENT_TYPE,
        ...(credentials && { [PEER_HEADER]: credentials.peer, [SIGNATURE_HEADER]: credentials.signature }),
      };
      try {
        agent.dispatch({ ...target, headers, body }, exchange);
      } catch (error) {
        exchange.abort(error as Error);
      }
    };
    const slot = slots.enter(target.origin, client, begin);
    if (slot === undefined) throw crowded(peer);
    const timer = setTimeout(
      () => {
        isLate = true;
        exchange.abort(new Error(`No answer in ${timeoutMs} ms.`));
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    const leave = (): void => exchange.abort(signal!.reason as Error);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await exchange.answer;
    } catch (cause) {
      signal?.throwIfAborted();
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
      signal?.removeEventListener('abort', leave);
      slots.leave(slot);
    }
  }

  private targetOf(peer: Peer): Target {
    let target = this.targets.get(peer);
    if (target === undefined) {
      const base = peerUrlOf(peer.url);
      if (base === undefined) throw unreachable(peer, `has the address "${peer.url}", which is no http(s) base URL`);
      const { origin, pathname } = new URL(base + PEER_PATH);
      target = { origin, path: pathname, method: 'POST' };
      this.targets.set(peer, target);
    }
    return target;
  }
}

/** Connections, and the calls that have one. */
interface Lines {
  readonly agent: Agent;
  readonly slots: CallSlots;
}

/** Each call has a time-out of its own. */
function linesOf({ tls }: PeerClientOptions): Lines {
  return {
    agent: new Agent({ connections: MAX_SOCKETS, headersTimeout: 0, bodyTimeout: 0, connect: { ...tls } }),
    slots: new CallSlots({
      max: MAX_SOCKETS,
      maxPerClient: MAX_SOCKETS_PER_CLIENT,
      maxWaiting: MAX_WAITING,
      maxWaitingPerClient: MAX_WAITING_PER_CLIENT,
    }),
  };
}

/** One call. By events, without a stream: bench `query`, forwarded/local. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<PeerAnswer>;
  isTooLarge = false;
  credentials: PeerCredentials | undefined;
  private settle!: { resolve: (answer: PeerAnswer) => void; reject: (error: Error) => void };
  private controller: Dispatcher.DispatchController | undefined;
  private failure: Error | undefined;
  private status = 0;
  private signature: string | undefined;
  private version: string | undefined;
  private date: string | undefined;
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  get isAborted(): boolean {
    return this.failure !== undefined;
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
    { [SIGNATURE_HEADER]: signature, [VERSION_HEADER]: version, date }: Record<string, string | string[] | undefined>,
  ): void {
    this.status = status;
    this.signature = typeof signature === 'string' ? signature : undefined;
    this.version = typeof version === 'string' ? version : undefined;
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
    const { status, credentials, signature, version, date, chunks } = this;
    const answer = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    this.settle.resolve({ status, answer, credentials, signature, version, date });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.settle.reject(error);
  }
}

function problemOf(peer: Peer, { head }: PeerMessage): QueryError {
  const { problem, detail, members, retryAfterS } = head;
  const name = typeof problem === 'string' ? knownProblem(problem) : undefined;
  if (name === undefined || typeof detail !== 'string') return unreachable(peer, 'refused without a reason');
  // The call was refused, and not the client that sent the query.
  if (name === 'peer-unauthenticated') return unreachable(peer, `refused a call of this instance: ${detail}`);
  return new QueryError(name, detail, {
    members:
      typeof members === 'object' && members !== null && !Array.isArray(members)
        ? (members as Record<string, unknown>)
        : {},
    ...(typeof retryAfterS === 'number' ? { retryAfterS } : {}),
  });
}

function crowded({ instanceId }: Peer): QueryError {
  return new QueryError('overloaded', `Too many calls wait for the instance "${instanceId}".`, {
    members: { instance: instanceId, retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}

function unreachable({ instanceId }: Peer, what: string, cause?: unknown): QueryError {
  return new QueryError('peer-unreachable', `The instance "${instanceId}" ${what}.`, {
    cause,
    members: { instance: instanceId, retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}
