import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { PeerTlsOptions } from '../../config/peer-options.js';
import { knownProblem } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import type { PeerAuth, PeerCredentials } from './peer-auth.js';
import { PEER_CONTENT_TYPE, PEER_HEADER, PEER_MAX_BYTES, PEER_PATH, SIGNATURE_HEADER, type Peer } from './peer.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import { readBody } from './read-body.js';

const MAX_SOCKETS = 64;
const RETRY_S = 1;

export interface PeerClientOptions {
  readonly instanceId: string;
  readonly timeoutMs: number;
  /** Absent: the client certificate of `tls` is the only proof. */
  readonly auth: PeerAuth | undefined;
  readonly tls: PeerTlsOptions | undefined;
}

/** Calls other instances over connections that are kept open. */
export class PeerClient {
  private readonly http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, noDelay: true });
  private readonly https: HttpsAgent;
  private readonly targets = new Map<string, RequestOptions & { readonly isTls: boolean }>();

  constructor(private readonly options: PeerClientOptions) {
    this.https = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, noDelay: true, ...options.tls });
  }

  /**
   * @param waitMs that the peer may take beyond the usual time.
   * @throws QueryError as the peer said, or `peer-unreachable`, `peer-timeout`.
   */
  async call(peer: Peer, message: PeerMessage, waitMs = 0): Promise<PeerMessage> {
    const body = encodeMessage(message);
    const { instanceId, auth, timeoutMs } = this.options;
    const credentials = auth?.sign(instanceId, peer.instanceId, body);
    const { status, answer, signature } = await this.send(peer, body, credentials, Math.ceil(timeoutMs + waitMs));
    if (auth && credentials && !auth.isAnswer(credentials, status, answer, signature))
      throw unreachable(peer, `answered ${status}, and not as an instance that holds the same "peers.secret"`);
    let decoded: PeerMessage;
    try {
      decoded = decodeMessage(answer);
    } catch (cause) {
      throw unreachable(peer, `answered ${status} with what is no message of an instance`, cause);
    }
    if (status === 200) return decoded;
    throw problemOf(peer, decoded);
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private async send(
    peer: Peer,
    body: Buffer,
    credentials: PeerCredentials | undefined,
    timeoutMs: number,
  ): Promise<{ readonly status: number; readonly answer: Buffer; readonly signature: string | undefined }> {
    const request = this.post(peer, body.length, credentials);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      request.destroy();
    }, timeoutMs);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).once('error', reject).end(body);
      });
      const answer = await readBody(response, PEER_MAX_BYTES);
      const signature = response.headers[SIGNATURE_HEADER];
      return {
        status: response.statusCode ?? 0,
        answer,
        signature: typeof signature === 'string' ? signature : undefined,
      };
    } catch (cause) {
      request.destroy();
      if (isLate)
        throw new QueryError('peer-timeout', `The instance "${peer.instanceId}" did not answer in ${timeoutMs} ms.`, {
          cause,
          members: { instance: peer.instanceId, retryAfterS: RETRY_S },
          retryAfterS: RETRY_S,
        });
      throw unreachable(peer, 'could not be reached', cause);
    } finally {
      clearTimeout(timer);
    }
  }

  private post({ url }: Peer, length: number, credentials: PeerCredentials | undefined): ClientRequest {
    let target = this.targets.get(url);
    if (target === undefined) {
      const { protocol, hostname, port, pathname } = new URL(url + PEER_PATH);
      const isTls = protocol === 'https:';
      // A URL has the address of IPv6 in brackets, a connection has not.
      const host = hostname.replace(/^\[|\]$/g, '');
      target = { method: 'POST', host, port: port || (isTls ? 443 : 80), path: pathname, isTls };
      this.targets.set(url, target);
    }
    const headers = {
      'content-type': PEER_CONTENT_TYPE,
      'content-length': length,
      ...(credentials && { [PEER_HEADER]: credentials.peer, [SIGNATURE_HEADER]: credentials.signature }),
    };
    const { isTls, ...options } = target;
    return isTls
      ? httpsRequest({ ...options, headers, agent: this.https, ...this.options.tls })
      : httpRequest({ ...options, headers, agent: this.http });
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
