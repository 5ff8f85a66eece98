import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { LATEST_COMMITTED, type ReadBounds } from '../reads/partition-reads.js';
import { reportNaming, ServedPeers } from '../testing/served-peer.js';
import { PeerAuth } from './peer-auth.js';
import { PeerClient } from './peer-client.js';
import type { PeerMessage } from './peer-message.js';
import { decodeValues, encodeRequest, REQUEST_MAX_BYTES } from './peer-protocol.js';
import { PEER_MAX_BYTES } from './peer.js';

describe('a call that nobody who holds the secret answers', () => {
  const clock = new ManualClock();
  let date: Date;
  const server = createServer((_request, response) => {
    response.writeHead(401, { date: date.toUTCString() }).end();
  });
  let client: PeerClient;

  beforeEach(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = new PeerClient({
      instanceId: 'a',
      timeoutMs: 5000,
      auth: new PeerAuth('secret', clock),
      tls: undefined,
      metrics: noMetrics,
    });
  });

  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });

  it.each([
    [0, 'not as an instance of this release that holds the same "peers.secret".'],
    [-29_000, 'not as an instance of this release that holds the same "peers.secret".'],
    [45_000, 'its clock is 45 s ahead of the one here, where 30 s are allowed.'],
    [-90_000, 'its clock is 90 s behind the one here, where 30 s are allowed.'],
  ])('names the secret, or the clock that is %i ms ahead', async (aheadMs, reason) => {
    date = new Date(clock.now() + aheadMs);
    const { port } = server.address() as AddressInfo;
    const call = client.call(
      'status',
      { instanceId: 'b', url: `http://127.0.0.1:${port}` },
      { head: { op: 'status' }, blobs: [] },
      (answer) => answer,
    );
    await expect(call).rejects.toThrow(`The instance "b" answered 401, and ${reason}`);
  });
});

describe('calls of one instance by another', () => {
  const peers = new ServedPeers();
  const target = { store: 's', partition: 0 };
  const freshness = {
    partition: 0,
    position: 1,
    role: 'active',
    lag: 0,
    stalenessMs: 0,
    instanceId: 'b',
    epoch: 1,
  } as const;

  const getCall = (bounds: ReadBounds, key: Uint8Array = Buffer.from('k')): PeerMessage =>
    encodeRequest({ op: 'get', target, keys: [key], bounds });

  afterEach(() => peers.close());

  it('go through while many others wait there', async () => {
    const waits: (() => void)[] = [];
    const peer = await peers.serve(async (_target, keys, { waitMs }) => {
      if (waitMs > 0) await new Promise<void>((resolve) => void waits.push(resolve));
      return { values: keys, freshness };
    });
    const client = peers.client(500);
    const bounds = { ...LATEST_COMMITTED, waitMs: 60_000 };
    const waiting = Promise.allSettled(
      Array.from({ length: 64 }, () => client.call('get', peer, getCall(bounds), decodeValues, bounds.waitMs)),
    );
    await vi.waitFor(() => expect(waits).toHaveLength(64));
    await client.call('get', peer, getCall(LATEST_COMMITTED), decodeValues);
    await client.call('status', peer, encodeRequest({ op: 'status', status: reportNaming('a') }), (answer) => answer);
    for (const answer of waits) answer();
    expect((await waiting).filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  it('end with their reader, here and there, and give up their connections', async () => {
    const reads: AbortSignal[] = [];
    const peer = await peers.serve((_target, _keys, { signal }) => {
      reads.push(signal!);
      return new Promise((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
      });
    });
    const client = peers.client();
    const bounds = { ...LATEST_COMMITTED, waitMs: 60_000 };
    const readers = Array.from({ length: 65 }, () => new AbortController());
    const call = ({ signal }: AbortController): Promise<unknown> =>
      client.call('get', peer, getCall(bounds), decodeValues, bounds.waitMs, { signal });
    const calls = readers.map((reader) => call(reader).catch((error: unknown) => error));
    await vi.waitFor(() => expect(reads).toHaveLength(64));
    const gone = new Error('gone');
    // The last one still waits for a connection.
    for (const reader of readers.slice(1)) reader.abort(gone);
    expect(await Promise.all(calls.slice(1))).toEqual(Array.from({ length: 64 }, () => gone));
    await vi.waitFor(() => expect(reads.filter(({ aborted }) => aborted)).toHaveLength(63));
    expect(reads).toHaveLength(64);
    await expect(call(readers[1])).rejects.toBe(gone);
    readers[0].abort(gone);
    await vi.waitFor(() => expect(reads.every(({ aborted }) => aborted)).toBe(true));
  });

  it('leave places for others, however many one client makes', async () => {
    const waits: (() => void)[] = [];
    const peer = await peers.serve(async (_target, keys) => {
      await new Promise<void>((resolve) => void waits.push(resolve));
      return { values: keys, freshness };
    });
    const caller = peers.client();
    const bounds = { ...LATEST_COMMITTED, waitMs: 60_000 };
    const call = (client: string): Promise<unknown> =>
      caller.call('get', peer, getCall(bounds), decodeValues, bounds.waitMs, { client });
    const greedy = Array.from({ length: 100 }, () => call('greedy'));
    await vi.waitFor(() => expect(waits).toHaveLength(48));
    const other = call('other');
    await vi.waitFor(() => expect(waits).toHaveLength(49));
    waits[48]();
    await other;
    await vi.waitFor(() => {
      for (const answer of waits) answer();
      expect(waits).toHaveLength(101);
    });
    await Promise.all(greedy);
  });

  it('tell that an answer is too large, which asking elsewhere or again would not change', async () => {
    const peer = await peers.serve(async () => ({ values: [Buffer.alloc(PEER_MAX_BYTES)], freshness }));
    await expect(peers.client().call('get', peer, getCall(LATEST_COMMITTED), decodeValues)).rejects.toMatchObject({
      message: `The instance "b" answered with more than ${PEER_MAX_BYTES} bytes, which is more than a call carries.`,
      problem: { name: 'failed' },
    });
  });

  it('carry a single value that almost fills an answer', async () => {
    const value = Buffer.alloc(PEER_MAX_BYTES - 1024);
    const peer = await peers.serve(async () => ({ values: [value], freshness }));
    const { values } = await peers.client().call('get', peer, getCall(LATEST_COMMITTED), decodeValues);
    expect(values[0]).toHaveLength(value.length);
  });

  it('are refused here if they are too large, with their sizes', async () => {
    const peer = await peers.serve(() => Promise.reject(new Error('This is not asked for.')));
    const call = peers
      .client()
      .call('get', peer, getCall(LATEST_COMMITTED, Buffer.alloc(REQUEST_MAX_BYTES)), decodeValues);
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(
        /^The query has 8388\d+ bytes for the instance "b", and a call has 8388608 at most\.$/,
      ),
      problem: { name: 'body-too-large' },
    });
  });

  it('are signed when they are sent, however long they waited for a connection', async () => {
    const clock = new ManualClock();
    const waits: (() => void)[] = [];
    const peer = await peers.serve(async (_target, keys) => {
      await new Promise<void>((resolve) => void waits.push(resolve));
      return { values: keys, freshness };
    }, clock);
    const client = peers.client(60_000, clock);
    const bounds = { ...LATEST_COMMITTED, waitMs: 60_000 };
    const call = (): Promise<unknown> => client.call('get', peer, getCall(bounds), decodeValues, bounds.waitMs);
    const first = Promise.all(Array.from({ length: 64 }, call));
    await vi.waitFor(() => expect(waits).toHaveLength(64));
    const queued = call();
    await clock.advance(45_000);
    for (const answer of waits.splice(0)) answer();
    await first;
    await vi.waitFor(() => expect(waits).toHaveLength(1));
    waits[0]();
    await expect(queued).resolves.toMatchObject({ freshness });
  });

  it.each(['a path?x=1', 'ftp://b', 'http://user:word@b', 'http://b/?x=', 'http://b/#x', 'http://b\\@c', ''])(
    'go nowhere where the address is %j',
    async (url) => {
      const call = peers.client().call('get', { instanceId: 'b', url }, getCall(LATEST_COMMITTED), decodeValues);
      await expect(call).rejects.toThrow(`The instance "b" has the address "${url}", which is no http(s) base URL.`);
    },
  );

  it('end in an error that says so where the answer of a holder of the secret is malformed', async () => {
    const peer = await peers.serve(async () => ({ values: [], freshness: { ...freshness, role: 'leader' as never } }));
    await expect(peers.client().call('get', peer, getCall(LATEST_COMMITTED), decodeValues)).rejects.toMatchObject({
      message: 'The instance "b" answered 200 and cannot be understood.',
      problem: { name: 'peer-unreachable' },
    });
  });
});
