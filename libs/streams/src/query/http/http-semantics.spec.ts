import { NotFoundException, type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Log } from '../../log/log.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { FeedEvent } from '../feed/store-feed.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { storesController } from './stores-controller.js';

const MAX_STREAMS = 16;

const definitions = [
  storeDefinition('balances', stringSerde, json<unknown>()),
  storeDefinition('entries', stringSerde, stringSerde),
  storeDefinition('unlogged', stringSerde, stringSerde, { changelog: { isEnabled: false, config: {} } }),
];

const platforms = {
  express: (): ExpressAdapter => new ExpressAdapter(),
  fastify: (): FastifyAdapter => new FastifyAdapter(),
};

describe.each(['express', 'fastify'] as const)('the endpoints as HTTP wants them, on %s', (platform) => {
  let runtime: FakeRuntime;
  let current = new FakeRuntime(definitions);
  let app: INestApplication;
  let url: string;
  let openStreams = 0;
  const metrics = { ...noMetrics, set: (_name: string, _labels: object, value: number) => void (openStreams = value) };

  // One server, a new runtime for each test.
  beforeAll(async () => {
    const delegate = new Proxy(new FakeRuntime([]), {
      get: (_, name) => Reflect.get(current, name, current) as unknown,
    });
    const controller = storesController('stores', { maxStreams: MAX_STREAMS, maxStreamsPerClient: MAX_STREAMS });
    ({ app, url } = await listen(platforms[platform](), delegate, controller, metrics));
  });
  afterAll(() => app.close());
  beforeEach(() => {
    current = runtime = new FakeRuntime(definitions);
  });
  afterEach(() => void vi.restoreAllMocks());

  const connected = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const requestOf = (path: string, ...headers: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');

  /** Feeds that tell nothing until they end. */
  const silentFeeds = (): AbortSignal[] => {
    const signals: AbortSignal[] = [];
    vi.spyOn(StreamsQueryService.prototype, 'changes').mockImplementation(async (_name, { signal }) => {
      signals.push(signal);
      return (async function* (): AsyncGenerator<FeedEvent> {
        yield { type: 'idle' };
        if (!signal.aborted) await once(signal, 'abort');
      })();
    });
    return signals;
  };

  it('gives back the places of feeds whose requests were pipelined when their connection closes, and does not look like a leak', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    silentFeeds();
    const socket = await connected();
    socket.write(requestOf('/stores/balances/changes').repeat(MAX_STREAMS));
    await vi.waitFor(() => expect(openStreams).toBe(MAX_STREAMS));
    socket.destroy();
    await vi.waitFor(() => expect(openStreams).toBe(0));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('leaves nothing on a connection that outlives its streams', async () => {
    const accepted = once(app.getHttpServer() as Server, 'connection') as Promise<[Socket]>;
    const socket = await connected();
    const [served] = await accepted;
    const counts: number[] = [];
    for (let n = 0; n < 3; n++) {
      socket.write(requestOf('/stores/balances/entries', 'Accept: application/x-ndjson'));
      for (let got = ''; !got.endsWith('\r\n0\r\n\r\n');) got += String((await once(socket, 'data'))[0]);
      await vi.waitFor(() => expect(openStreams).toBe(0));
      counts.push(served.listenerCount('close'));
    }
    socket.destroy();
    expect(counts[2]).toBe(counts[0]);
  });

  /** As it was sent: `fetch` leaves out, and adds, what it likes. */
  const rawAnswer = async (method: string, path: string, ...headers: string[]): Promise<string> => {
    const socket = await connected();
    let got = '';
    socket.on('data', (data: Buffer) => (got += data.toString('latin1')));
    socket.write(requestOf(path, 'Connection: close', ...headers).replace('GET', method));
    await once(socket, 'end');
    return got;
  };

  it.each([
    '/stores',
    '/stores/balances',
    '/stores/balances/entries',
    '/stores/balances/count',
    '/stores/balances/metadata',
  ])('answers %s in full, whatever If-None-Match says, and without an ETag', async (path) => {
    await runtime.store('balances').put('a', { n: 1 });
    const whole = await rawAnswer('GET', path);
    expect(whole).not.toMatch(/^etag:/im);
    expect(whole).toMatch(/^content-length: [1-9]/im);
    const asked = await rawAnswer('GET', path, 'If-None-Match: *');
    expect(asked).toMatch(/^HTTP\/1.1 200 /);
    expect(bodyOf(asked)).toBe(bodyOf(whole));
    expect(await rawAnswer('HEAD', path, 'If-None-Match: *')).toMatch(/^HTTP\/1.1 200 /);
  });

  it.each(['GET', 'HEAD'])('answers %s of what the client has with a 304 that tells of no body', async (method) => {
    await runtime.store('balances').put('a', { n: 1 });
    const { headers } = await fetch(`${url}/stores/balances/entries/a`);
    const answer = await rawAnswer(method, '/stores/balances/entries/a', `If-None-Match: ${headers.get('etag')}`);
    expect(answer).toMatch(/^HTTP\/1.1 304 /);
    expect(answer).toContain(`\r\n${platform === 'express' ? 'ETag' : 'etag'}: ${headers.get('etag')}\r\n`);
    expect(answer).toMatch(/^cache-control: private, no-cache\r$/im);
    expect(answer).not.toMatch(/^(content-length|content-type|transfer-encoding):/im);
    expect(bodyOf(answer)).toBe('');
  });

  it.each([
    ['application/x-ndjson', true],
    ['Application/X-NDJSON; charset=utf-8', true],
    ['application/x-ndjson, application/json', true],
    ['application/x-ndjson, */*', true],
    ['application/x-ndjson;q=0.5, application/json;q=0.4', true],
    ['application/x-ndjson;q=0.5, text/html', true],
    ['application/x-ndjson;q=0', false],
    ['application/json, application/x-ndjson;q=0.1', false],
    ['application/x-ndjson;q=0.1, */*', false],
    ['application/x-ndjson2, */*', false],
    ['*/*', false],
    ['application/*', false],
  ])('answers Accept: %s with NDJSON: %s', async (accept, isNdjson) => {
    const response = await fetch(`${url}/stores/balances/entries`, { headers: { accept } });
    expect(response.headers.get('content-type')).toMatch(isNdjson ? /^application\/x-ndjson/ : /^application\/json/);
    expect(await response.text()).toBe(isNdjson ? '{"end":true}\n' : '{"items":[]}');
  });

  it.each(['/stores/balances/entries', '/stores/balances/changes', '/stores/balances/entries/a/changes'])(
    'answers HEAD of the stream %s with the headers of GET, and leaves nothing open',
    async (path) => {
      const partition = await runtime.store('balances').put('a', { n: 1 });
      const signals = silentFeeds();
      const headers = { accept: 'application/x-ndjson' };
      const head = await fetch(`${url}${path}`, { headers, method: 'HEAD' });
      expect(signals.every(({ aborted }) => aborted)).toBe(true);
      const ending = new AbortController();
      const whole = await fetch(`${url}${path}`, { headers, signal: ending.signal });
      ending.abort();
      expect(fieldsOf(head)).toEqual(fieldsOf(whole));
      expect(head.headers.get('streams-instance')).toBe('here');
      if (path.endsWith('/entries'))
        expect(head.headers.get('streams-position')).toContain(`balances:${partition}:${100 + partition}`);
      await vi.waitFor(() => expect([openStreams, runtime.store('balances').openCursors]).toEqual([0, 0]));
    },
  );

  it.each([
    ['/stores/unlogged/changes', {}, 400, false],
    ['/stores/balances/changes', { 'last-event-id': '1-0.0' }, 410, false],
    ['/stores/balances/entries?cursor=x', { accept: 'application/x-ndjson' }, 400, false],
    ['/stores/balances/entries', { accept: 'application/x-ndjson' }, 503, true],
  ])('refuses HEAD of the stream %s with %o as it refuses GET: %i', async (path, headers, status, isMissing) => {
    if (isMissing) runtime.store('balances').set(0, undefined);
    const admin = {
      beginningOffsets: async () => [],
      endOffsets: async () => [],
      describeConfig: async () => new Map(),
    };
    runtime.openLog = async () => ({ admin }) as unknown as Log;
    const whole = await fetch(`${url}${path}`, { headers });
    const head = await fetch(`${url}${path}`, { headers, method: 'HEAD' });
    expect([whole.status, head.status]).toEqual([status, status]);
    expect(fieldsOf(head)).toEqual(fieldsOf(whole));
  });

  it.each(['changes', 'entries'])('finds the key %j of the store "entries", and its changes', async (key) => {
    await runtime.store('entries').put(key, 'found');
    expect(await (await fetch(`${url}/stores/entries/entries/${key}`)).text()).toBe('found');
    const changes = vi.spyOn(StreamsQueryService.prototype, 'changes').mockRejectedValue(new NotFoundException());
    expect((await fetch(`${url}/stores/entries/entries/${key}/changes`)).status).toBe(404);
    expect(changes.mock.calls.map(([name, request]) => [name, String(request.key)])).toEqual([['entries', key]]);
  });
});

/** Of those that say how the message is sent, only the length: a stream has none. */
function fieldsOf({ headers }: Response): Record<string, string> {
  const fields = Object.fromEntries(headers);
  for (const name of ['connection', 'date', 'keep-alive', 'transfer-encoding']) delete fields[name];
  return fields;
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
