import { Logger } from '@nestjs/common';
import { StreamsQueryService } from 'nestjs-streams';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QueryError } from '../../libs/streams/src/query/problem/query-error.js';
import { PeerAuth } from '../../libs/streams/src/query/peers/peer-auth.js';
import { LocalReads } from '../../libs/streams/src/query/reads/local-reads.js';
import { PEER_PATH } from '../../libs/streams/src/query/peers/peer.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { itemStore, PEER_SECRET, QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const KEYS = Array.from({ length: 40 }, (_, n) => `k${n}`);
const entries = (round: number): [string, Item][] => KEYS.map((key, n) => [key, { n: round * 1000 + n }]);

describe('an instance does not step into what others did:', () => {
  const apps = new StreamsApps();
  afterEach(() => vi.restoreAllMocks());

  it('an owner that fails is a problem at whoever was asked, and nothing of its failure is data', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(0));
    await cluster.processed();
    const key = cluster.keyOf(b);
    const failed = vi.spyOn(LocalReads.prototype, 'get');
    vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    failed.mockRejectedValue(new Error('{"n":666}'));
    const { status, json, text } = await a.fetch(`/stores/items/entries/${key}`);
    expect([status, json]).toMatchObject([500, { status: 500, code: 'STREAMS_QUERY_FAILED' }]);
    expect(text).not.toContain('666');
    failed.mockRejectedValue(new QueryError('overloaded', 'The owner has too much to do.', { retryAfterS: 7 }));
    const busy = await fetch(`${a.url}/stores/items/entries/${key}`);
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7']);
    vi.restoreAllMocks();
    expect((await a.fetch(`/stores/items/entries/${key}`)).status).toBe(200);
  });

  it('keys stay with the partition of the topic, however many instances there are', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll('a');
    const isSame = async (...asked: StreamsApp[]): Promise<void> => {
      for (const [n, key] of KEYS.entries()) {
        const { url } = asked[n % asked.length];
        const metadata = (await (await fetch(`${url}/stores/items/metadata?key=${key}`)).json()) as object;
        expect([key, metadata]).toMatchObject([key, { partition: cluster.partitionOf(key) }]);
      }
      for (const app of asked)
        expect((await app.fetch('/stores/items/metadata')).json).toMatchObject({ partitionCount: 4 });
    };
    await isSame(a);
    const b = await cluster.start({ instanceId: 'b' });
    // While partitions move, too.
    await isSame(a, b);
    await cluster.balanced(a, b);
    await isSame(a, b);
    await b.close();
    await isSame(a);
  });

  it('what code keeps in hand goes on to answer what holds, after partitions went away and came back', async () => {
    const cluster = await QueryCluster.open(apps);
    // Without copies, so that the stores that come back are others.
    const options = { standbyReplicas: 0 };
    const [a] = await cluster.startAll({ instanceId: 'a', options });
    const queries = a.get(StreamsQueryService);
    const read = async (): Promise<unknown[]> =>
      Promise.all(
        KEYS.map(async (key) => {
          const { value } = await queries.get('items', key, { waitMs: 10_000 });
          return [key, JSON.parse(Buffer.from(value).toString())] as unknown;
        }),
      );
    await cluster.put(entries(0));
    await cluster.processed();
    expect(await read()).toEqual(entries(0));
    const b = await cluster.start({ instanceId: 'b', options });
    await cluster.balanced(a, b);
    await cluster.put(entries(1));
    await cluster.processed();
    expect(await read()).toEqual(entries(1));
    cluster.instances.pop();
    await b.close();
    await cluster.balanced(a);
    await cluster.put(entries(2));
    await cluster.processed();
    expect(await read()).toEqual(entries(2));
  });

  it('a store that does not ask for it is served nowhere, neither to callers nor to other instances', async () => {
    const cluster = await QueryCluster.open(apps, { store: itemStore({ query: undefined }) });
    const [a] = await cluster.startAll('a');
    await cluster.put(entries(0));
    const hidden = await Promise.all(
      ['', '/metadata', '/entries', '/entries/k1', '/count', '/changes', '/entries/k1/changes'].map(async (path) => [
        path,
        (await a.fetch(`/stores/items${path}`)).json,
      ]),
    );
    for (const [, problem] of hidden)
      expect(problem).toMatchObject({ status: 404, code: 'STREAMS_QUERY_STORE_NOT_FOUND' });
    const lookup = await fetch(`${a.url}/stores/items/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"keys":["k1"]}',
    });
    expect(lookup.status).toBe(404);
    expect((await a.fetch('/stores')).json).toEqual({ items: [] });
  });
});

describe.each(['fastify', 'express'] as const)('is refused on %s:', (adapter) => {
  const apps = new StreamsApps();

  it('a cursor that was changed in any part, or issued for something else', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    await cluster.put(entries(0));
    await cluster.processed();
    const ask = async (query: string): Promise<{ readonly status: number; readonly next: string }> =>
      (await (await fetch(`${a.url}/stores/items/entries?limit=5${query}`)).json()) as never;
    const { next } = await ask('');
    expect(await ask(`&cursor=${next}`)).toMatchObject({ items: { length: 5 } });
    const turned = (at: number): string => `${next.slice(0, at)}${next[at] === 'A' ? 'B' : 'A'}${next.slice(at + 1)}`;
    const places = Array.from({ length: 20 }, (_, n) => Math.floor((n * (next.length - 2)) / 19));
    const forged = [
      ...places.map(turned),
      '',
      'AAAA',
      next.slice(0, 40),
      next.slice(0, -4),
      `${next}AAAA`,
      Buffer.concat([Buffer.alloc(28), Buffer.from('{"scope":"","partition":0,"partitionCount":1,"key":""}')]).toString(
        'base64url',
      ),
    ];
    for (const cursor of forged)
      expect([cursor, await ask(`&cursor=${cursor}`)]).toMatchObject([
        cursor,
        { status: 400, code: 'STREAMS_QUERY_INVALID_CURSOR' },
      ]);
    for (const other of ['&order=desc', '&prefix=k1', '&from=k1', '&where=n>1'])
      expect(await ask(`${other}&cursor=${next}`)).toMatchObject({ code: 'STREAMS_QUERY_INVALID_CURSOR' });
  });

  it('a call between instances that is too long, or that somebody signed who does not know the secret', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    const send = async (length: number, secret: string): Promise<number> => {
      const signed = new PeerAuth(secret, new SystemClock()).sign('b', 'a', Buffer.alloc(length));
      const headers = { 'streams-peer': signed.peer, 'streams-signature': signed.signature };
      const body = new ReadableStream({
        start: (controller) => {
          for (let sent = 0; sent < length; sent += 1 << 20) controller.enqueue(new Uint8Array(1 << 20));
          controller.close();
        },
      });
      return (await fetch(`${a.url}${PEER_PATH}`, { method: 'POST', headers, body, duplex: 'half' } as never)).status;
    };
    expect(await send(1 << 20, `not-${PEER_SECRET}`)).toBe(401);
    expect(await send(9 << 20, PEER_SECRET)).toBe(413);
    expect((await a.fetch('/stores/items/entries/none')).status).toBe(404);
  });

  it('a peer that knows another secret, in both directions', async () => {
    const cluster = await QueryCluster.open(apps);
    const secret = `not-${PEER_SECRET}`;
    const [a, b] = await cluster.startAll(
      { instanceId: 'a', adapter },
      { instanceId: 'b', adapter, options: { peers: { secret, heartbeatInterval: 100 } } },
    );
    await cluster.put(entries(0));
    await cluster.processed();
    for (const [asked, owner] of [
      [a, b],
      [b, a],
    ])
      // An address that is signed with another secret is not believed, so nothing is sent there.
      expect((await asked.fetch(`/stores/items/entries/${cluster.keyOf(owner)}`)).json).toMatchObject({
        status: 421,
        code: 'STREAMS_QUERY_NOT_OWNER',
      });
  });
});
