import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { problemType } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import type { PartitionReads, ReadBounds } from '../reads/partition-reads.js';
import { ValueBudget } from '../reads/value-budget.js';
import { BodyBudget } from './body-budget.js';
import { MalformedMessageError } from './message-fields.js';
import { SIGNATURE_VERSION, type PeerAuth, type PeerCredentials, type SignedCall } from './peer-auth.js';
import type { PeerDirectory } from './peer-directory.js';
import { PEER_CONTENT_TYPE, PEER_HEADER, SIGNATURE_HEADER, VERSION_HEADER } from './peer.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import {
  decodeRequest,
  encodeCount,
  encodeEntries,
  encodeValues,
  REQUEST_MAX_BYTES,
  VALUES_MAX_BYTES,
  type PeerRequest,
} from './peer-protocol.js';
import { reportIn, type InstanceReport } from './peer-status.js';
import { readBody, UnreadBodyError } from './read-body.js';

/** Bodies that are read at one time. */
const BODIES_MAX_BYTES = 8 * REQUEST_MAX_BYTES;
const BODY_TIMEOUT_MS = 10_000;
/** Of one instance at one time; an instance of this release sends half as many. */
const MAX_CALLS = 256;
/** Of one call; an instance of this release sends half as many. */
const MAX_KEYS = 4096;

export interface PeerEndpointOptions {
  readonly instanceId: () => string;
  /** Absent: callers prove themselves by a client certificate that the server of this application has verified. */
  readonly auth: PeerAuth | undefined;
  /** What this instance holds: a call is never passed on, so it cannot go round. */
  readonly local: PartitionReads;
  readonly report: () => InstanceReport;
  readonly directory: PeerDirectory;
  readonly logger: StreamsLogger;
}

interface Answer {
  readonly status: number;
  readonly message: PeerMessage;
  /** The caller has proved to be an instance; only then does it get a proof that this is one. */
  readonly isToInstance: boolean;
}

/** Answers other instances. A caller is authenticated by the head of its call, before any of the body is read. */
export class PeerEndpoint {
  private readonly bodies = new BodyBudget(BODIES_MAX_BYTES);
  /** Calls that are being answered, by their caller. */
  private readonly calls = new Map<string, number>();

  constructor(private readonly options: PeerEndpointOptions) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const credentials = credentialsOf(request);
    const { status, message, isToInstance } = await this.answer(request, response, credentials);
    const body = encodeMessage(message);
    response.statusCode = status;
    response.setHeader('Content-Type', PEER_CONTENT_TYPE);
    response.setHeader('Content-Length', body.length);
    response.setHeader(VERSION_HEADER, SIGNATURE_VERSION);
    const { auth } = this.options;
    if (auth && isToInstance) response.setHeader(SIGNATURE_HEADER, auth.signAnswer(credentials, status, body));
    if (!request.complete) response.setHeader('Connection', 'close');
    response.end(body);
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    credentials: PeerCredentials,
  ): Promise<Answer> {
    const { auth, instanceId, logger } = this.options;
    let isToInstance = false;
    let counted: string | undefined;
    try {
      if (auth) auth.checkSignature(credentials);
      else checkCertificate(request);
      isToInstance = true;
      const call = auth?.read(credentials, instanceId());
      if (call !== undefined) {
        this.enter(call.from);
        counted = call.from;
      }
      const body = await this.bodyOf(request, call);
      if (call !== undefined) auth?.checkBody(call, body);
      return { status: 200, message: await this.dispatch(readRequest(body), response, call?.from), isToInstance };
    } catch (error) {
      if (!(error instanceof QueryError)) {
        const reason = error instanceof Error ? error.name : typeof error;
        logger.error(`A call of another instance failed with ${reason}.`);
      }
      return problemAnswer(error, isToInstance);
    } finally {
      if (counted !== undefined) this.leave(counted);
    }
  }

  private enter(from: string): void {
    const calls = this.calls.get(from) ?? 0;
    if (calls >= MAX_CALLS)
      throw overloaded(`The instance "${from}" has ${MAX_CALLS} calls under way here, which is the limit.`);
    this.calls.set(from, calls + 1);
  }

  private leave(from: string): void {
    const calls = this.calls.get(from)! - 1;
    if (calls === 0) this.calls.delete(from);
    else this.calls.set(from, calls);
  }

  private async bodyOf(request: IncomingMessage, call: SignedCall | undefined): Promise<Buffer> {
    const length = call?.length ?? Number(request.headers['content-length']);
    if (!Number.isSafeInteger(length) || length < 0)
      throw new QueryError('invalid-body', 'A call between instances needs the header "Content-Length".');
    if (length > REQUEST_MAX_BYTES)
      throw new QueryError('body-too-large', `A call has ${REQUEST_MAX_BYTES} bytes at most.`);
    if (!this.bodies.take(length))
      throw overloaded(`Bodies of calls hold ${BODIES_MAX_BYTES} bytes here, which is the limit.`);
    try {
      return await readBody(request, length, BODY_TIMEOUT_MS);
    } catch (cause) {
      const reason = cause instanceof UnreadBodyError ? cause.message : 'could not be read';
      throw new QueryError('invalid-body', `The body of the call ${reason}.`, { cause });
    } finally {
      this.bodies.release(length);
    }
  }

  private async dispatch(
    request: PeerRequest,
    response: ServerResponse,
    from: string | undefined,
  ): Promise<PeerMessage> {
    const { local, directory, report } = this.options;
    switch (request.op) {
      case 'get': {
        const { target, keys, bounds, maxBytes = VALUES_MAX_BYTES } = request;
        if (keys.length > MAX_KEYS) throw new QueryError('invalid-body', `A call looks up ${MAX_KEYS} keys at most.`);
        // One value is answered whatever its size, without a turn among look-ups. A read that does not wait has ended before its caller could go (bench
        // `query`, forwarded/local).
        if (keys.length === 1)
          return encodeValues(await local.get(target, keys, bounds.waitMs > 0 ? endingWith(response, bounds) : bounds));
        const budget = new ValueBudget(Math.min(VALUES_MAX_BYTES, maxBytes));
        return encodeValues(await local.get(target, keys, endingWith(response, bounds), budget));
      }
      case 'scan':
        return encodeEntries(await local.scan(request.target, request.part, endingWith(response, request.bounds)));
      case 'count':
        return encodeCount(await local.count(request.target, request.part, endingWith(response, request.bounds)));
      case 'status': {
        const theirs = readReport(request.status);
        directory.learn(from ?? theirs.instanceId, theirs);
        return { head: { status: report() }, blobs: [] };
      }
    }
  }
}

/** Ends a read when its caller has closed the connection. */
function endingWith(response: ServerResponse, bounds: ReadBounds): ReadBounds {
  const controller = new AbortController();
  const end = (): void => controller.abort(new QueryError('overloaded', 'The calling instance has gone away.'));
  if (response.destroyed) end();
  else response.once('close', end);
  return { ...bounds, signal: controller.signal };
}

function problemAnswer(error: unknown, isToInstance: boolean): Answer {
  const { name, status } = error instanceof QueryError ? error.problem : problemType('failed');
  const { members, retryAfterS } = error instanceof QueryError ? error : { members: {}, retryAfterS: undefined };
  const detail =
    error instanceof QueryError
      ? error.message
      : 'The query failed for a reason inside the instance; its log names it.';
  return { status, message: { head: { problem: name, detail, members, retryAfterS }, blobs: [] }, isToInstance };
}

function readRequest(body: Buffer): PeerRequest {
  return readOrRefuse(() => decodeRequest(decodeMessage(body)));
}

function readReport(status: unknown): InstanceReport {
  return readOrRefuse(() => reportIn(status));
}

function readOrRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MalformedMessageError) throw new QueryError('invalid-body', cause.message, { cause });
    throw cause;
  }
}

function overloaded(detail: string): QueryError {
  return new QueryError('overloaded', detail, { members: { retryAfterS: 1 }, retryAfterS: 1 });
}

function credentialsOf({ headers }: IncomingMessage): PeerCredentials {
  return { peer: textOf(headers[PEER_HEADER]), signature: textOf(headers[SIGNATURE_HEADER]) };
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}

function checkCertificate({ socket }: IncomingMessage): void {
  if ((socket as Partial<TLSSocket>).authorized === true) return;
  throw new QueryError(
    'peer-unauthenticated',
    'The call between instances is refused: it came without a client certificate.',
  );
}
