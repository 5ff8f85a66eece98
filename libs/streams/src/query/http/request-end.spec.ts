import { get, type ClientRequest, type ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { stringSerde } from '../../serdes/text-serdes.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { OpenRequests } from './open-requests.js';
import { storesController } from './stores-controller.js';

describe('a count, a page and a stream', () => {
  it.each(['count', 'page', 'stream'] as const)('end with their signal: %s', async (method) => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 1);
    const store = runtime.store('s');
    await store.put('k', 'v');
    const reader = new AbortController();
    const reason = new Error('gone');
    store.beforeRead = () => reader.abort(reason);
    await expect(new StreamsQueryService(runtime)[method]('s', { signal: reader.signal })).rejects.toBe(reason);
  });
});

describe('open requests', () => {
  it('end when the instance stops, and so does one that comes later; those that were answered have ended before', () => {
    const requests = new OpenRequests();
    const response = { req: {} } as ServerResponse;
    const open = requests.begin(response);
    const answered = requests.begin(response);
    answered.close();
    expect(open.signal.aborted).toBe(false);
    requests.stop('here');
    const reason = expect.objectContaining({ code: 'STREAMS_QUERY_NOT_RUNNING' });
    expect([open.signal.reason, requests.begin(response).signal.reason]).toEqual([reason, reason]);
    expect(answered.signal.reason).toMatchObject({ message: 'The request has been answered.' });
  });
});

describe('a request that is answered before all of its parts', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it('ends the parts that still wait', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 2);
    const store = runtime.store('s');
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const wanted = [0, 1].map((partition) => keys.find((key) => store.partitionOf(Buffer.from(key)) === partition)!);
    const served = await listen(new ExpressAdapter(), runtime);
    app = served.app;
    const headers = { prefer: 'wait=60', 'content-type': 'application/json', 'streams-min-position': 's:1:1000' };
    store.beforeRead = () => {
      throw new Error('broken');
    };
    const body = JSON.stringify({ keys: wanted });
    const stopListening = vi.fn();
    vi.spyOn(runtime, 'onReadableChange').mockReturnValue(stopListening);
    const response = await fetch(`${served.url}/stores/s/lookup`, { method: 'POST', headers, body });
    expect(response.status).toBe(500);
    await vi.waitFor(() => expect(stopListening).toHaveBeenCalledOnce());
  });
});

describe('a look-up that fails in one partition', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it('is not read on in the others', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 2);
    const store = runtime.store('s');
    const here = { instanceId: 'here', url: undefined, isLocal: true };
    const openCursor = (): never => expect.fail('nothing is scanned');
    let read = 0;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    store.set(0, { view: { get: () => Promise.reject(new Error('broken')), openCursor } }, here);
    const get = async (): Promise<undefined> => {
      read++;
      await ended;
    };
    store.set(1, { view: { get, openCursor } }, here);
    const names = Array.from({ length: 100 }, (_, n) => `k${n}`);
    const inPartition = (partition: number): string[] =>
      names.filter((name) => store.partitionOf(Buffer.from(name)) === partition);
    const served = await listen(new ExpressAdapter(), runtime);
    app = served.app;
    const keys = [inPartition(0)[0], ...inPartition(1)];
    const response = await fetch(`${served.url}/stores/s/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys }),
    });
    expect(response.status).toBe(500);
    const readByThen = read;
    end();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBe(readByThen);
  });
});

const platforms = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

describe.each(['express', 'fastify'] as const)('a request whose client has gone, on %s', (platform) => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it('takes no place of others while it waits', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 1);
    const store = runtime.store('s');
    await store.put('k', 'v');
    const served = await listen(platforms[platform](), runtime, storesController('stores', { maxConcurrent: 1 }));
    app = served.app;
    const membership = vi.spyOn(runtime, 'membership');
    const headers = { prefer: 'wait=60', 'streams-min-position': 's:0:1000' };
    const waiting = fetch(`${served.url}/stores/s/entries/k`, { headers });
    await vi.waitFor(() => expect(membership).toHaveBeenCalled());
    expect(await (await fetch(`${served.url}/stores/s/entries/k`)).text()).toBe('v');
    const { view } = store.local(0)!;
    store.set(0, { position: 1000, view: view! }, { instanceId: 'here', url: undefined, isLocal: true });
    expect((await waiting).status).toBe(200);
  });

  it('gives up its place although it was to wait for a minute', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 1);
    await runtime.store('s').put('k', 'v');
    const served = await listen(platforms[platform](), runtime, storesController('stores', { maxConcurrent: 1 }));
    app = served.app;
    const membership = vi.spyOn(runtime, 'membership');
    const headers = { prefer: 'wait=60', 'streams-min-position': 's:0:100000' };
    const waiting: ClientRequest = get(`${served.url}/stores/s/entries/k`, { headers });
    waiting.on('error', () => {});
    await vi.waitFor(() => expect(membership).toHaveBeenCalled());
    waiting.destroy();
    expect(await (await fetch(`${served.url}/stores/s/entries/k`)).text()).toBe('v');
  });
});
