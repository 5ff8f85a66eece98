import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../time/system-clock.js';
import { QueryError } from '../problem/query-error.js';
import { LATEST_COMMITTED } from '../reads/partition-reads.js';
import { FakeRuntime } from '../testing/fake-runtime.js';
import { PEER_SECRET, reportNaming } from '../testing/served-peer.js';
import { PeerAuth, type PeerCredentials } from './peer-auth.js';
import { PeerDirectory } from './peer-directory.js';
import { PeerEndpoint } from './peer-endpoint.js';
import { decodeMessage, encodeMessage } from './peer-message.js';
import { encodeRequest, REQUEST_MAX_BYTES } from './peer-protocol.js';
import { PEER_HEADER, SIGNATURE_HEADER } from './peer.js';

const clock = new SystemClock();
const auth = new PeerAuth(PEER_SECRET, clock);
const callee = new PeerAuth(PEER_SECRET, clock);
const target = { store: 's', partition: 0 };
const getCall = encodeMessage(encodeRequest({ op: 'get', target, keys: [Buffer.from('k')], bounds: LATEST_COMMITTED }));

interface Answered {
  readonly status: number;
  readonly problem: unknown;
  readonly isProven: boolean;
  readonly logged: readonly string[];
}

/** @param send writes the body of the call. */
async function answered(credentials: PeerCredentials, send: (body: PassThrough) => void): Promise<Answered> {
  const logged: string[] = [];
  const unused = (): Promise<never> => Promise.reject(new QueryError('not-owner', 'Another instance owns it.'));
  const endpoint = new PeerEndpoint({
    instanceId: () => 'b',
    auth: callee,
    local: { get: unused, scan: unused, count: unused },
    report: () => reportNaming('b'),
    directory: new PeerDirectory(new FakeRuntime([]), clock, 1000),
    logger: { debug() {}, info() {}, warn() {}, error: (text) => void logged.push(text) },
  });
  const headers: Record<string, unknown> = {};
  let answer: Uint8Array = Buffer.alloc(0);
  const response = {
    statusCode: 0,
    setHeader: (name: string, value: unknown) => void (headers[name] = value),
    end: (body: Buffer) => void (answer = body),
  };
  const body = new PassThrough();
  const request = Object.assign(body, {
    headers: { [PEER_HEADER]: credentials.peer, [SIGNATURE_HEADER]: credentials.signature },
    complete: true,
  });
  const handled = endpoint.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  send(body);
  await handled;
  const { statusCode: status } = response;
  const signature = headers[SIGNATURE_HEADER] as string | undefined;
  return {
    status,
    problem: decodeMessage(answer).head['problem'],
    isProven: auth.isAnswer(credentials, status, answer, signature),
    logged,
  };
}

describe('the answer to a call', () => {
  it('is proven to come from an instance, also if it is a problem, to whoever holds the secret', async () => {
    const whole = await answered(auth.sign('a', 'b', getCall), (body) => void body.end(getCall));
    expect(whole).toMatchObject({ status: 421, problem: 'not-owner', isProven: true });
    const noise = Buffer.from('noise');
    const unread = await answered(auth.sign('a', 'b', noise), (body) => void body.end(noise));
    expect(unread).toMatchObject({ status: 400, problem: 'invalid-body', isProven: true });
  });

  it.each<[string, number, string, (body: PassThrough) => void]>([
    ['whole', 401, 'peer-unauthenticated', (body) => void body.end(getCall)],
    ['too large', 413, 'body-too-large', (body) => void body.end(Buffer.alloc(REQUEST_MAX_BYTES + 1))],
    ['broken off', 400, 'invalid-body', (body) => void body.destroy()],
    ['broken', 400, 'invalid-body', (body) => void body.destroy(new Error('ECONNRESET'))],
  ])('proves nothing to a stranger whose body is %s', async (_, status, problem, send) => {
    const claims = { peer: `v1 a b ${clock.now()} session 0`, signature: 'guessed' };
    expect(await answered(claims, send)).toEqual({ status, problem, isProven: false, logged: [] });
  });
});
