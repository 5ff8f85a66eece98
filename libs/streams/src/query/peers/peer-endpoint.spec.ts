import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
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

const notHere = (): Promise<never> => Promise.reject(new QueryError('not-owner', 'Another instance owns it.'));

function endpointOf(get: () => Promise<never>, logged: string[]): PeerEndpoint {
  return new PeerEndpoint({
    instanceId: () => 'b',
    auth: callee,
    local: { get, scan: notHere, count: notHere },
    report: () => reportNaming('b'),
    directory: new PeerDirectory(new FakeRuntime([]), clock, 1000),
    logger: { debug() {}, info() {}, warn() {}, error: (text) => void logged.push(text) },
  });
}

/** @param send writes the body of the call. */
async function answered(credentials: PeerCredentials, send: (body: PassThrough) => void): Promise<Answered> {
  const logged: string[] = [];
  return { ...(await answeredBy(endpointOf(notHere, logged), credentials, send)), logged };
}

async function answeredBy(
  endpoint: PeerEndpoint,
  credentials: PeerCredentials,
  send: (body: PassThrough) => void,
): Promise<Omit<Answered, 'logged'>> {
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

  it.each<[string, (body: PassThrough) => void]>([
    ['is whole', (body) => void body.end(getCall)],
    ['is too large', (body) => void body.end(Buffer.alloc(REQUEST_MAX_BYTES + 1))],
    ['never comes', () => {}],
  ])('is a 401 without a proof, and without a look at the body, for a stranger whose body %s', async (_, send) => {
    const claims = { peer: `v2 a b ${clock.now()} ${getCall.length} hash id`, signature: 'guessed' };
    const expected = { status: 401, problem: 'peer-unauthenticated', isProven: false, logged: [] };
    expect(await answered(claims, send)).toEqual(expected);
  });

  it.each<[string, number, string, (body: PassThrough) => void]>([
    ['longer than its head says', 400, 'invalid-body', (body) => void body.end(Buffer.alloc(getCall.length + 1))],
    ['shorter than its head says', 400, 'invalid-body', (body) => void body.end(getCall.subarray(1))],
    ['another one', 401, 'peer-unauthenticated', (body) => void body.end(Buffer.alloc(getCall.length))],
    ['broken off', 400, 'invalid-body', (body) => void body.destroy()],
    ['broken', 400, 'invalid-body', (body) => void body.destroy(new Error('ECONNRESET'))],
  ])('names the fault of a signed call whose body is %s', async (_, status, problem, send) => {
    const expected = { status, problem, isProven: true, logged: [] };
    expect(await answered(auth.sign('a', 'b', getCall), send)).toEqual(expected);
  });

  it('is a 400 for a look-up of more keys than a call has', async () => {
    const keys = Array.from({ length: 5000 }, () => Buffer.alloc(0));
    const call = encodeMessage(encodeRequest({ op: 'get', target, keys, bounds: LATEST_COMMITTED }));
    const expected = { status: 400, problem: 'invalid-body', isProven: true, logged: [] };
    expect(await answered(auth.sign('a', 'b', call), (body) => void body.end(call))).toEqual(expected);
  });

  it('is a 413 by the head of a signed call that is too large', async () => {
    const credentials = auth.sign('a', 'b', Buffer.alloc(REQUEST_MAX_BYTES + 1));
    expect(await answered(credentials, () => {})).toMatchObject({ status: 413, problem: 'body-too-large' });
  });

  it('is a 400 for any signed call that is not one of this release', async () => {
    const fields = fc.constantFrom(
      'op',
      'target',
      'bounds',
      'part',
      'status',
      'peers',
      'stores',
      'instanceId',
      'epoch',
    );
    const report = fc.dictionary(fields, fc.jsonValue());
    const heads = fc.oneof(
      fc.record({
        op: fc.constantFrom('get', 'scan', 'count', 'status', 'other'),
        target: fc.jsonValue(),
        bounds: fc.jsonValue(),
        part: fc.jsonValue(),
      }),
      fc.record({ op: fc.constant('status'), status: fc.oneof(report, fc.jsonValue()) }),
      fc.constant({ op: 'status', status: { instanceId: 'a', epoch: 1, stores: {}, peers: null } }),
    );
    await fc.assert(
      fc.asyncProperty(heads, async (head) => {
        const message = encodeMessage({ head, blobs: [] });
        const answer = await answered(auth.sign('a', 'b', message), (body) => void body.end(message));
        expect(answer).toEqual({ status: 400, problem: 'invalid-body', isProven: true, logged: [] });
      }),
    );
  });

  it('is a 429 beyond 256 calls of one instance at a time', async () => {
    const waiting = new Set<() => void>();
    const get = (): Promise<never> =>
      new Promise((_resolve, reject) => waiting.add(() => reject(new QueryError('not-owner', 'Not here.'))));
    const endpoint = endpointOf(get, []);
    const calls = Array.from({ length: 256 }, () =>
      answeredBy(endpoint, auth.sign('a', 'b', getCall), (body) => void body.end(getCall)),
    );
    await vi.waitFor(() => expect(waiting.size).toBe(256));
    const call = (from: string): Promise<object> =>
      answeredBy(endpoint, auth.sign(from, 'b', getCall), (body) => void body.end(getCall));
    expect(await call('a')).toMatchObject({ status: 429, problem: 'overloaded', isProven: true });
    const other = call('c');
    await vi.waitFor(() => expect(waiting.size).toBe(257));
    for (const end of waiting) end();
    expect(await other).toMatchObject({ status: 421 });
    await Promise.all(calls);
    waiting.clear();
    const after = call('a');
    await vi.waitFor(() => expect(waiting.size).toBe(1));
    for (const end of waiting) end();
    expect(await after).toMatchObject({ status: 421 });
  });
});
