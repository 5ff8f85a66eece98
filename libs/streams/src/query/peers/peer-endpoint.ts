import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { problemType } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import type { PartitionReads } from '../reads/partition-reads.js';
import type { PeerAuth, PeerCredentials } from './peer-auth.js';
import type { PeerDirectory } from './peer-directory.js';
import { PEER_CONTENT_TYPE, PEER_HEADER, SIGNATURE_HEADER } from './peer.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import {
  decodeRequest,
  encodeCount,
  encodeEntries,
  encodeValues,
  REQUEST_MAX_BYTES,
  type PeerRequest,
} from './peer-protocol.js';
import { reportIn, type InstanceReport } from './peer-status.js';
import { readBody } from './read-body.js';

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

/** Answers other instances. */
export class PeerEndpoint {
  constructor(private readonly options: PeerEndpointOptions) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const credentials = credentialsOf(request);
    const { status, message, isToInstance } = await this.answer(request, credentials);
    const body = encodeMessage(message);
    response.statusCode = status;
    response.setHeader('Content-Type', PEER_CONTENT_TYPE);
    response.setHeader('Content-Length', body.length);
    const { auth } = this.options;
    if (auth && isToInstance) response.setHeader(SIGNATURE_HEADER, auth.signAnswer(credentials, status, body));
    if (!request.complete) response.setHeader('Connection', 'close');
    response.end(body);
  }

  private async answer(request: IncomingMessage, credentials: PeerCredentials): Promise<Answer> {
    const { auth, instanceId, logger } = this.options;
    let isToInstance = false;
    try {
      if (auth) auth.admit(credentials, instanceId());
      else checkCertificate(request);
      const body = await bodyOf(request);
      const from = auth ? auth.check(credentials, instanceId(), body) : undefined;
      isToInstance = true;
      return { status: 200, message: await this.dispatch(readRequest(body), from), isToInstance };
    } catch (error) {
      if (!(error instanceof QueryError)) {
        const reason = error instanceof Error ? error.name : typeof error;
        logger.error(`A call of another instance failed with ${reason}.`);
      }
      return problemAnswer(error, isToInstance);
    }
  }

  private async dispatch(request: PeerRequest, from: string | undefined): Promise<PeerMessage> {
    const { local, directory, report } = this.options;
    switch (request.op) {
      case 'get':
        return encodeValues(await local.get(request.target, request.keys, request.bounds));
      case 'scan':
        return encodeEntries(await local.scan(request.target, request.part, request.bounds));
      case 'count':
        return encodeCount(await local.count(request.target, request.part, request.bounds));
      case 'status': {
        const theirs = reportIn(request.status);
        directory.learn(from ?? theirs.instanceId, theirs);
        return { head: { status: report() }, blobs: [] };
      }
    }
  }
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
  try {
    return decodeRequest(decodeMessage(body));
  } catch (cause) {
    throw new QueryError('invalid-body', 'The body is no call of an instance of this release.', { cause });
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  try {
    return await readBody(request, REQUEST_MAX_BYTES);
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new QueryError('body-too-large', `A call has ${REQUEST_MAX_BYTES} bytes at most.`, { cause });
    throw new QueryError('invalid-body', 'The body of the call broke off.', { cause });
  }
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
