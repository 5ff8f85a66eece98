import {
  Injectable,
  SetMetadata,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StoreAccess } from '../../libs/streams/src/decorators/state-store.decorator.js';
import { EventFeed } from './support/event-feed.js';
import { itemStore, QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

interface Caller {
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads the role that the store's class asks for. */
@Injectable()
class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    // As many guards do: the method's metadata first. A route has none of the user's, but is a method of the controller with Nest's.
    const handler = context.getHandler();
    if (!this.reflector.get<boolean>('path', handler)) throw new Error(`"${handler.name}" is no route`);
    const role = this.reflector.getAllAndOverride<string>('role', [handler, context.getClass()]);
    return context.switchToHttp().getRequest<Caller>().headers['x-role'] === role;
  }
}

describe.each(['fastify', 'express'] as const)('access to a store on %s', (adapter) => {
  const apps = new StreamsApps();
  const paths = ['', '/metadata', '/count', '/entries', '/entries/k1', '/changes', '/entries/k1/changes'];

  it('is what the guards of its class say, on every route and at every instance', async () => {
    const store = itemStore({}, UseGuards(RoleGuard), SetMetadata('role', 'teller'));
    const cluster = await QueryCluster.open(apps, { store });
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    await cluster.put([['k1', { n: 1 }]]);
    await cluster.processed();
    for (const { url } of [a, b]) {
      for (const path of paths) {
        const refused = await fetch(`${url}/stores/items${path}`);
        expect([path, refused.status]).toEqual([path, 403]);
        expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      }
      const lookup = await fetch(`${url}/stores/items/lookup`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"keys":["k1"]}',
      });
      expect(lookup.status).toBe(403);
      const headers = { 'x-role': 'teller' };
      expect(await (await fetch(`${url}/stores/items/entries/k1`, { headers })).json()).toEqual({ n: 1 });
    }
  });

  it('is decided for each entry where the store has such a hook, and values are shown as it maps them', async () => {
    const store = itemStore({
      query: {
        authorize: ({ request, key }: StoreAccess<string>) => key.startsWith((request as Caller).headers['x-prefix']),
        map: ({ n, secret }: Item, { kind }: StoreAccess<string>) => ({ n, kind, hasSecret: secret !== undefined }),
      },
    });
    const cluster = await QueryCluster.open(apps, { store });
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    await cluster.put([
      ['a1', { n: 1, secret: 'x' }],
      ['a2', { n: 2 }],
      ['b1', { n: 3, secret: 'y' }],
    ]);
    await cluster.processed();
    const headers = { 'x-prefix': 'a' };
    for (const { url } of [a, b]) {
      const get = async (path: string): Promise<unknown> =>
        (await fetch(`${url}/stores/items${path}`, { headers })).json();
      expect(await get('/entries/a1')).toEqual({ n: 1, kind: 'get', hasSecret: true });
      expect(await get('/entries/b1')).toMatchObject({ status: 403, code: 'STREAMS_QUERY_FORBIDDEN' });
      expect(await get('/metadata?key=b1')).toMatchObject({ status: 403 });
      expect(await get('/entries')).toEqual({
        items: [
          { key: 'a1', value: { n: 1, kind: 'scan', hasSecret: true } },
          { key: 'a2', value: { n: 2, kind: 'scan', hasSecret: false } },
        ],
      });
      expect(await get('/count')).toEqual({ count: 2 });
      expect(await get('/entries/b1/changes')).toMatchObject({ status: 403 });
      const lookup = (keys: string[]): Promise<Response> =>
        fetch(`${url}/stores/items/lookup`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ keys }),
        });
      expect(await (await lookup(['a1'])).json()).toMatchObject({ items: [{ value: { kind: 'lookup' } }] });
      expect((await lookup(['a1', 'b1'])).status).toBe(403);
      const lines = await (
        await fetch(`${url}/stores/items/entries`, { headers: { ...headers, accept: 'application/x-ndjson' } })
      ).text();
      expect(lines.trim().split('\n')).toHaveLength(3);
      expect(lines).not.toContain('b1');
      const feed = await EventFeed.open(`${url}/stores/items/changes`, headers);
      await expect.poll(() => feed.messages.at(-1)?.event).toBe('snapshot-end');
      expect([...feed.state.keys()].sort()).toEqual(['a1', 'a2']);
      feed.close();
    }
  });

  it('is not asked for between instances, whatever guards the application has, and its prefix and versions hold', async () => {
    const cluster = await QueryCluster.open(apps);
    const prepare = (nest: INestApplication): void => {
      nest.setGlobalPrefix('api');
      nest.useGlobalGuards({
        canActivate: (context: ExecutionContext) =>
          context.switchToHttp().getRequest<Caller>().headers['x-user'] !== undefined,
      });
    };
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter, prepare }, { instanceId: 'b', adapter, prepare });
    await cluster.put([
      ['k1', { n: 1 }],
      ['k2', { n: 2 }],
      ['k3', { n: 3 }],
      ['k4', { n: 4 }],
    ]);
    await cluster.processed();
    for (const { url } of [a, b]) {
      expect((await fetch(`${url}/api/stores/items/entries`)).status).toBe(403);
      const response = await fetch(`${url}/api/stores/items/entries`, { headers: { 'x-user': 'u' } });
      expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(4);
    }
  });
});

describe('an instance under load', () => {
  const apps = new StreamsApps();

  it('answers 429 to more than it may have waiting, and goes on', async () => {
    const store = itemStore({
      query: { authorize: () => new Promise<boolean>((resolve) => void held.push(() => resolve(true))) },
    });
    const held: (() => void)[] = [];
    const cluster = await QueryCluster.open(apps, { store });
    // One client has half of the places.
    const [a] = await cluster.startAll({ instanceId: 'a', options: { query: { maxConcurrent: 4, maxQueued: 3 } } });
    await cluster.put([['k1', { n: 1 }]]);
    await cluster.processed();
    const asked = Array.from({ length: 8 }, () => fetch(`${a.url}/stores/items/entries/k1`));
    const refused = await Promise.race(asked);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    await expect.poll(() => held.length).toBe(2);
    const release = setInterval(() => held.splice(0).forEach((resolve) => resolve()), 1);
    apps.onRelease(() => clearInterval(release));
    const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect((await a.fetch('/stores/items/entries/k1')).status).toBe(200);
  });

  it('bounds its feeds', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', options: { query: { maxStreams: 1 } } });
    const first = await EventFeed.open(`${a.url}/stores/items/changes`);
    expect((await a.fetch('/stores/items/changes')).json).toMatchObject({ status: 429 });
    first.close();
    await expect
      .poll(async () => {
        const next = await EventFeed.open(`${a.url}/stores/items/changes`);
        next.close();
        return next.response.statusCode;
      })
      .toBe(200);
  });

  it.each(['fastify', 'express'] as const)('refuses keys and bodies that are too large, on %s', async (adapter) => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    const { hostname, port } = new URL(a.url);
    /** Sent bit by bit, as the server does not read to the end, and hangs up. */
    const statusOf = async (path: string, header = 'accept: */*'): Promise<number> => {
      const socket = connect(Number(port), hostname).on('error', () => {});
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      const head = `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\n${header}\r\n\r\n`;
      for (let at = 0; at < head.length && !socket.destroyed && answer === ''; at += 4096) {
        socket.write(head.slice(at, at + 4096));
        await setImmediate();
      }
      await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 \d+/);
      socket.destroy();
      return Number(answer.slice(9, 12));
    };
    const huge = 'x'.repeat(10_000_000);
    expect(await statusOf(`/stores/items/entries/${huge}`)).toBe(431);
    expect(await statusOf(`/stores/items/entries/${huge}/changes`)).toBe(431);
    expect(await statusOf(`/stores/items/metadata?key=${huge}`)).toBe(431);
    expect(await statusOf(`/stores/items/entries?from=${huge}`)).toBe(431);
    expect(await statusOf('/stores/items/entries/k', `streams-min-position: ${huge}`)).toBe(431);
    const lookup = (keys: string[]): Promise<Response> =>
      fetch(`${a.url}/stores/items/lookup`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ keys }),
      });
    expect((await lookup([huge])).status).toBe(413);
    expect((await lookup(['x'.repeat(70_000)])).status).toBe(414);
    expect((await lookup(Array.from({ length: 1001 }, String))).status).toBe(413);
    expect((await lookup(Array.from({ length: 1000 }, String))).status).toBe(200);
  });
});
