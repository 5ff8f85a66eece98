import { Logger } from '@nestjs/common';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PeerAuth } from '../../libs/streams/src/query/peers/peer-auth.js';
import { encodeMessage } from '../../libs/streams/src/query/peers/peer-message.js';
import { encodeRequest, encodeValues } from '../../libs/streams/src/query/peers/peer-protocol.js';
import { PEER_PATH } from '../../libs/streams/src/query/peers/peer.js';
import { LATEST_COMMITTED } from '../../libs/streams/src/query/reads/partition-reads.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { PEER_SECRET, QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const entries = (count: number): [string, Item][] => Array.from({ length: count }, (_, n) => [`k${n}`, { n }]);

/** The body of a call that asks for a key. */
function getCall(partition: number, key: string): Buffer {
  const target = { store: 'items', partition };
  return encodeMessage(encodeRequest({ op: 'get', target, keys: [Buffer.from(key)], bounds: LATEST_COMMITTED }));
}

/** The body of an answer with a value. */
function valueMessage(value: string): Buffer {
  const freshness = {
    partition: 0,
    position: 1,
    role: 'active',
    lag: 0,
    stalenessMs: 0,
    instanceId: 'b',
    epoch: 1,
  } as const;
  return encodeMessage(encodeValues({ values: [Buffer.from(value)], freshness }));
}

describe.each(['fastify', 'express'] as const)('a call between instances on %s', (adapter) => {
  const apps = new StreamsApps();

  it('is refused unless the secret has signed it, for this instance, and lately', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    await cluster.put([['k1', { n: 1 }]]);
    await cluster.processed();
    const body = getCall(cluster.partitionOf('k1'), 'k1');
    const call = async (headers: Record<string, string>, sent = body): Promise<number> =>
      (await fetch(`${a.url}${PEER_PATH}`, { method: 'POST', body: new Uint8Array(sent), headers })).status;
    const headersOf = (auth: PeerAuth, to = 'a'): Record<string, string> => {
      const { peer, signature } = auth.sign('b', to, body);
      return { 'streams-peer': peer, 'streams-signature': signature };
    };
    const clock = new SystemClock();
    const known = new PeerAuth(PEER_SECRET, clock);
    const genuine = headersOf(known);
    expect(await call(genuine)).toBe(200);
    expect(await call({ ...genuine, 'streams-peer': genuine['streams-peer'].replace('v2 b', 'v2 c') })).toBe(401);
    expect(await call({})).toBe(401);
    expect(await call(headersOf(new PeerAuth('another secret of 16+', clock)))).toBe(401);
    expect(await call(headersOf(known, 'c'))).toBe(401);
    expect(await call(headersOf(known), getCall(0, 'k2'))).toBe(401);
    const late = new SystemClock();
    late.now = () => Date.now() - 60_000;
    expect(await call(headersOf(new PeerAuth(PEER_SECRET, late)))).toBe(401);
    const answer = await fetch(`${a.url}${PEER_PATH}`, { method: 'POST' });
    expect(answer.headers.get('streams-signature')).toBeNull();
  });

  it.each(['nothing', 'a forged signature'])('that carries %s is refused before its body has come', async (carried) => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    const { peer } = new PeerAuth('another secret of 16+', new SystemClock()).sign('b', 'a', Buffer.alloc(8_000_000));
    const headers = carried === 'nothing' ? {} : { 'streams-peer': peer, 'streams-signature': 'x'.repeat(43) };
    const call = request(`${a.url}${PEER_PATH}`, {
      method: 'POST',
      headers: { ...headers, 'content-length': 8_000_000 },
    });
    // The connection ends under a body that is still to come.
    call.on('error', () => {});
    call.flushHeaders();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(401);
    expect(response.headers.connection).toBe('close');
    call.destroy();
  });

  it('carries keys and bodies whole, and a missing key back as such', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    const keys = ['a/b', '100%', '%2F', 'ü€😀', ' ', '?x=1#y', 'a+b', 'line\nbreak', '', '..', 'x'.repeat(300)];
    await cluster.put(keys.map((key, n) => [key, { n }]));
    await cluster.processed();
    for (const asked of [a, b]) {
      for (const [n, key] of keys.entries()) {
        // Fastify's parameters, which a testing module leaves in place, are neither empty nor long.
        if (key === '..' || (adapter === 'fastify' && (key === '' || key.length > 100))) continue;
        const { status, json } = await asked.fetch(`/stores/items/entries/${encodeURIComponent(key)}`);
        expect([key, status, json]).toEqual([key, 200, { n }]);
      }
      const response = await fetch(`${asked.url}/stores/items/lookup`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ keys: [...keys, 'none'] }),
      });
      expect(await response.json()).toEqual({
        items: keys.map((key, n) => ({ key, value: { n } })),
        missing: ['none'],
      });
      for (const owner of [a, b]) {
        const missing = await asked.fetch(`/stores/items/entries/${cluster.keyOf(owner, 'none')}`);
        expect(missing.json).toMatchObject({ status: 404, code: 'STREAMS_QUERY_KEY_NOT_FOUND' });
      }
    }
  });
});

describe('an instance', () => {
  const apps = new StreamsApps();
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  /** Something that is no instance, at the address of one. */
  const impostor = async (answer: string | Buffer): Promise<string> => {
    const server = createServer((_, response) => void response.end(answer)).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  };

  it.each([
    ['text', '{"n":666}'],
    ['a message of instances', valueMessage('{"n":666}')],
  ])('takes nothing for an answer that its owner has not signed: %s', async (_, answer) => {
    const cluster = await QueryCluster.open(apps);
    const advertisedUrl = await impostor(answer);
    const [a, b] = await cluster.startAll('a', { instanceId: 'b', options: { advertisedUrl } });
    await cluster.put(entries(40));
    await cluster.processed();
    const { json } = await a.fetch(`/stores/items/entries/${cluster.keyOf(b)}`);
    expect(json).toMatchObject({
      status: 502,
      code: 'STREAMS_QUERY_PEER_UNREACHABLE',
      instance: 'b',
      hostsTried: [{ instance: 'b', role: 'active', reason: 'peer-unreachable' }],
    });
  });

  it('whose address leads back to the caller makes no loop', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll('a');
    const b = await cluster.start({ instanceId: 'b', options: { advertisedUrl: a.url } });
    await cluster.balanced(a, b);
    const { json } = await a.fetch(`/stores/items/entries/${cluster.keyOf(b)}`);
    expect(json).toMatchObject({ status: 502, hostsTried: [{ instance: 'b', reason: 'peer-unreachable' }] });
  });

  it('names the partitions that a scan lacks, and answers without them only where that is allowed', async () => {
    const cluster = await QueryCluster.open(apps);
    const advertisedUrl = await impostor('nothing');
    const [a, b] = await cluster.startAll('a', { instanceId: 'b', options: { advertisedUrl } });
    await cluster.put(entries(40));
    await cluster.processed();
    const away = b.host.tasks().map(({ partition }) => partition);
    const here = entries(40).filter(([key]) => !away.includes(cluster.partitionOf(key)));
    const missing = away.map((partition) => expect.objectContaining({ partition, reason: 'peer-unreachable' }));
    for (const path of ['entries', 'count']) {
      const whole = await a.fetch(`/stores/items/${path}`);
      expect(whole.json).toMatchObject({ status: 503, code: 'STREAMS_QUERY_INCOMPLETE', missing });
    }
    const page = await a.fetch('/stores/items/entries?partial=allow&limit=100');
    expect(page.json).toEqual({
      items: here.sort(([x], [y]) => (x < y ? -1 : 1)).map(([key, value]) => ({ key, value })),
      unreachable: missing,
    });
    expect((await a.fetch('/stores/items/count?partial=allow')).json).toEqual({
      count: here.length,
      unreachable: missing,
    });
    // One partition that is away is no reason not to answer for the others.
    expect((await a.fetch(`/stores/items/entries/${here[0][0]}`)).status).toBe(200);
  });

  it('goes on with the page of another one, also after a rebalance', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(100));
    await cluster.processed();
    const keys: string[] = [];
    let cursor: string | undefined;
    const asked = [a, b, a];
    for (let page = 0; page === 0 || cursor !== undefined; page++) {
      const path = `/stores/items/entries?limit=9${cursor === undefined ? '' : `&cursor=${cursor}`}`;
      const { json, text } = await asked[page % asked.length].fetch(path);
      const { items, next } = json as { items: { key: string }[]; next?: string };
      expect(items, text).toBeDefined();
      keys.push(...items.map(({ key }) => key));
      cursor = next;
      if (page !== 3) continue;
      const c = await cluster.start({ instanceId: 'c' });
      await cluster.balanced(a, b, c);
      asked.push(c);
    }
    expect(keys).toEqual(
      entries(100)
        .map(([key]) => key)
        .sort(),
    );
    const forged = await a.fetch(
      `/stores/items/entries?cursor=${Buffer.from('{"partition":0}').toString('base64url')}.AA.AA`,
    );
    expect(forged.json).toMatchObject({ status: 400, code: 'STREAMS_QUERY_INVALID_CURSOR' });
  });

  it('says who holds what', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    const own = new Set(a.host.tasks().map(({ partition }) => partition));
    await expect
      .poll(async () => (await a.fetch('/stores/items/metadata')).json, { timeout: 10_000 })
      .toMatchObject({
        store: 'items',
        partitionCount: 4,
        partitions: [0, 1, 2, 3].map((partition) => {
          const [active, standby] = own.has(partition) ? [a, b] : [b, a];
          return {
            partition,
            active: { instance: active.host.instanceId, url: active.url, state: 'readable', lag: 0 },
            standbys: [{ instance: standby.host.instanceId, url: standby.url, state: 'readable', lag: 0 }],
          };
        }),
      });
    const key = cluster.keyOf(b);
    expect((await a.fetch(`/stores/items/metadata?key=${key}`)).json).toMatchObject({
      store: 'items',
      partition: cluster.partitionOf(key),
      active: { instance: 'b' },
    });
  });

  it('writes no key and no value to its log, whatever fails', async () => {
    const cluster = await QueryCluster.open(apps);
    const advertisedUrl = await impostor('{"n":666}');
    const [a, b] = await cluster.startAll('a', { instanceId: 'b', options: { advertisedUrl } });
    const lines: string[] = [];
    for (const level of ['log', 'warn', 'error', 'debug', 'verbose'] as const)
      vi.spyOn(Logger.prototype, level).mockImplementation(
        (...args: unknown[]) => void lines.push(args.map(String).join(' ')),
      );
    await cluster.put([['hidden-key', { n: 1, secret: 'hidden-value' }]]);
    await cluster.processed();
    await a.fetch(`/stores/items/entries/${cluster.keyOf(b, 'hidden-key')}`);
    await a.fetch('/stores/items/entries/hidden-key');
    await a.fetch('/stores/items/entries?where=secret=hidden-value');
    await fetch(`${a.url}${PEER_PATH}`, { method: 'POST', body: 'hidden-value' });
    vi.restoreAllMocks();
    expect(lines.filter((line) => line.includes('hidden'))).toEqual([]);
  });
});
