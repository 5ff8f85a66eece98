import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import { FakeRuntime, storeDefinition } from '../../testing/fake-runtime.js';
import { listen } from '../../testing/listen.js';
import { BODY_TIMEOUT_MS } from './body-deadline.js';

const platforms = {
  express: (): ExpressAdapter => new ExpressAdapter(),
  fastify: (): FastifyAdapter => new FastifyAdapter(),
};

describe.each(['express', 'fastify'] as const)('bodies that come slowly, on %s,', (platform) => {
  let app: INestApplication;
  let url: string;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    const runtime = new FakeRuntime([storeDefinition('items', stringSerde, json<unknown>())]);
    ({ app, url } = await listen(platforms[platform](), runtime, undefined, undefined, 'api'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const socket of sockets.splice(0)) socket.destroy();
    await app.close();
  });

  /** Sends the head of a request and the beginning of its body. */
  async function begin(path: string): Promise<Socket> {
    const received = once(app.getHttpServer() as Server, 'request');
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname.replace(/[[\]]/g, ''));
    sockets.push(socket);
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"keys":`,
    );
    await received;
    return socket;
  }

  it('are cut off after their time, with 408', async () => {
    const slow = [await begin('/api/stores/items/lookup'), await begin('/api/stores/items/lookup?fields=a')];
    await vi.advanceTimersByTimeAsync(BODY_TIMEOUT_MS - 1);
    expect(slow.map(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(1);
    for (const socket of slow) expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('are the only ones: a request whose body has come is answered, and its connection lives on', async () => {
    const server = app.getHttpServer() as Server;
    const closed: unknown[] = [];
    server.on('connection', (socket: Socket) => socket.once('close', () => closed.push(socket)));
    const response = await fetch(`${url}/api/stores/items/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys: ['a'] }),
    });
    expect(await response.json()).toEqual({ items: [], missing: ['a'] });
    await vi.advanceTimersByTimeAsync(BODY_TIMEOUT_MS);
    expect(closed).toEqual([]);
  });
});

describe('requests of other routes', () => {
  it.each([
    ['express', new ExpressAdapter(), 300_000],
    ['fastify', new FastifyAdapter(), 300_000],
    ['fastify with a limit of its own', new FastifyAdapter({ requestTimeout: 7000 }), 7000],
  ])('have a time to arrive on %s', async (_, adapter, timeoutMs) => {
    const { app } = await listen(adapter, new FakeRuntime([]));
    expect((app.getHttpServer() as Server).requestTimeout).toBe(timeoutMs);
    await app.close();
  });
});
