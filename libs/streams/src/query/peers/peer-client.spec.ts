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
import { encodeRequest, REQUEST_MAX_BYTES } from './peer-protocol.js';
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
    [0, 'not as an instance that holds the same "peers.secret".'],
    [-29_000, 'not as an instance that holds the same "peers.secret".'],
    [45_000, 'its clock is 45 s ahead of the one here, where 30 s are allowed.'],
    [-90_000, 'its clock is 90 s behind the one here, where 30 s are allowed.'],
  ])('names the secret, or the clock that is %i ms ahead', async (aheadMs, reason) => {
    date = new Date(clock.now() + aheadMs);
    const { port } = server.address() as AddressInfo;
    const call = client.call(
      'status',
      { instanceId: 'b', url: `http://127.0.0.1:${port}` },
      { head: { op: 'status' }, blobs: [] },
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
      Array.from({ length: 64 }, () => client.call('get', peer, getCall(bounds), bounds.waitMs)),
    );
    await vi.waitFor(() => expect(waits).toHaveLength(64));
    await client.call('get', peer, getCall(LATEST_COMMITTED));
    await client.call('status', peer, encodeRequest({ op: 'status', status: reportNaming('a') }));
    for (const answer of waits) answer();
    expect((await waiting).filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  it('tell that an answer is too large, which asking elsewhere or again would not change', async () => {
    const peer = await peers.serve(async () => ({ values: [Buffer.alloc(PEER_MAX_BYTES)], freshness }));
    await expect(peers.client().call('get', peer, getCall(LATEST_COMMITTED))).rejects.toMatchObject({
      message: `The instance "b" answered with more than ${PEER_MAX_BYTES} bytes, which is more than a call carries.`,
      problem: { name: 'failed' },
    });
  });

  it('carry a single value that almost fills an answer', async () => {
    const value = Buffer.alloc(PEER_MAX_BYTES - 1024);
    const peer = await peers.serve(async () => ({ values: [value], freshness }));
    const { blobs } = await peers.client().call('get', peer, getCall(LATEST_COMMITTED));
    expect(blobs[0]).toHaveLength(value.length);
  });

  it('are refused here if they are too large, with their sizes', async () => {
    const peer = await peers.serve(() => Promise.reject(new Error('This is not asked for.')));
    const call = peers.client().call('get', peer, getCall(LATEST_COMMITTED, Buffer.alloc(REQUEST_MAX_BYTES)));
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(
        /^The query has 8388\d+ bytes for the instance "b", and a call has 8388608 at most\.$/,
      ),
      problem: { name: 'body-too-large' },
    });
  });
});
