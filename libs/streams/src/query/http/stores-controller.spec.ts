import { Logger, type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { noMetrics } from '../../observability/streams-metrics.js';
import { bytesSerde, float64Serde, int64Serde } from '../../serdes/binary-serdes.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { SCAN_PARAMETERS } from './request/read-request.js';
import { storesController } from './stores-controller.js';

const elsewhere = { instanceId: 'there', url: 'http://there:3000', isLocal: false };

const definitions = [
  storeDefinition('balances', stringSerde, json<unknown>()),
  storeDefinition('texts', stringSerde, stringSerde),
  storeDefinition('longs', int64Serde, int64Serde),
  storeDefinition('blobs', bytesSerde, bytesSerde),
  storeDefinition('ratios', stringSerde, float64Serde),
  storeDefinition('entries', stringSerde, stringSerde),
  storeDefinition('hidden', stringSerde, stringSerde, { isQueryable: false }),
];

const platforms = {
  express: (): ExpressAdapter => new ExpressAdapter(),
  fastify: (): FastifyAdapter => new FastifyAdapter(),
};

describe.each(['express', 'fastify'] as const)('the stores over HTTP on %s', (platform) => {
  let runtime: FakeRuntime;
  let current = new FakeRuntime(definitions);
  let app: INestApplication;
  let url: string;
  const metrics = { ...noMetrics, add: vi.fn(), observe: vi.fn() };

  // One server, a new runtime for each test.
  beforeAll(async () => {
    const delegate = new Proxy(new FakeRuntime([]), {
      get: (_, name) => Reflect.get(current, name, current) as unknown,
    });
    ({ app, url } = await listen(platforms[platform](), delegate, storesController(), metrics));
  });
  afterAll(() => app.close());
  beforeEach(() => {
    current = runtime = new FakeRuntime(definitions);
    vi.clearAllMocks();
  });

  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${url}${path}`, init);
  const entry = (store: string, key: string): Promise<Response> =>
    get(`/stores/${store}/entries/${encodeURIComponent(key)}`);

  async function problemOf(response: Response): Promise<Record<string, unknown>> {
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const document = (await response.json()) as Record<string, unknown>;
    expect(document).toMatchObject({ status: response.status, title: expect.any(String), detail: expect.any(String) });
    return document;
  }

  it('answers a key with the stored value itself, and says in headers where it was read', async () => {
    const partition = await runtime.store('balances').put('acc-1', { balance: 12.5 });
    const response = await entry('balances', 'acc-1');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"balance":12.5}');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      'streams-instance': 'here',
      'streams-partition': String(partition),
      'streams-position': `balances:${partition}:${100 + partition}`,
    });
  });

  it.each([
    'a/b',
    '/',
    '//',
    'a/../b',
    '%',
    '%2F',
    '100%25',
    'é ü 漢 😀',
    'a+b c',
    '?x=1&y',
    '#',
    ';v=1',
    'a\tb\n',
    ':id',
    '*',
    '/entries/',
    'x'.repeat(5000),
    '',
  ])('reads the key %j from its percent-encoded segment', async (key) => {
    await runtime.store('texts').put(key, `value of ${key}`);
    const response = await entry('texts', key);
    expect(await response.text()).toBe(`value of ${key}`);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect((await entry('texts', `${key}!`)).status).toBe(404);
  });

  it('finds the key of a store that is called like the path before it', async () => {
    await runtime.store('entries').put('entries', 'found');
    expect(await (await entry('entries', 'entries')).text()).toBe('found');
  });

  it('sends values in the media type of their serde, and as JSON where it names none', async () => {
    await runtime.store('longs').put(-(2n ** 63n), 2n ** 63n - 1n);
    await runtime.store('blobs').put(Uint8Array.of(251, 255), Uint8Array.of(0, 255));
    await runtime.store('ratios').put('nan', NaN);
    await runtime.store('texts').put('empty', '');
    const long = await entry('longs', '-9223372036854775808');
    expect(await long.text()).toBe('"9223372036854775807"');
    expect(long.headers.get('content-type')).toMatch(/^application\/json/);
    for (const key of ['-_8', '+/8=']) {
      const blob = await entry('blobs', key);
      expect([...new Uint8Array(await blob.arrayBuffer())]).toEqual([0, 255]);
      expect(blob.headers.get('content-type')).toBe('application/octet-stream');
    }
    expect(await (await entry('ratios', 'nan')).text()).toBe('"NaN"');
    const empty = await entry('texts', 'empty');
    expect([empty.status, await empty.text()]).toEqual([200, '']);
  });

  it('answers HEAD like GET, without a body', async () => {
    await runtime.store('balances').put('a', { n: 1 });
    for (const path of ['/stores', '/stores/balances', '/stores/balances/entries', '/stores/balances/entries/a']) {
      const [whole, head] = [await get(path), await get(path, { method: 'HEAD' })];
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      for (const name of ['content-type', 'content-length', 'streams-instance', 'streams-position']) {
        expect(head.headers.get(name), name).toBe(whole.headers.get(name));
      }
      expect(Number(head.headers.get('content-length'))).toBe((await whole.arrayBuffer()).byteLength);
    }
    expect((await get('/stores/balances/entries/none', { method: 'HEAD' })).status).toBe(404);
  });

  it('pages through all partitions in both orders', async () => {
    const keys = Array.from({ length: 57 }, (_, n) => `acc-${String(n).padStart(2, '0')}`);
    for (const key of keys) await runtime.store('balances').put(key, { id: key });
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      let cursor = '';
      for (let pages = 1; ; pages++) {
        const response = await get(`/stores/balances/entries?order=${order}&limit=10${cursor}`);
        const page = (await response.json()) as { items: { key: string; value: { id: string } }[]; next?: string };
        for (const { key, value } of page.items) expect(value).toEqual({ id: key });
        seen.push(...page.items.map(({ key }) => key));
        expect(response.headers.get('streams-position')).toBe(
          'balances:0:100,balances:1:101,balances:2:102,balances:3:103',
        );
        if (!('next' in page)) {
          expect(pages).toBe(6);
          break;
        }
        cursor = `&cursor=${page.next}`;
      }
      expect(seen).toEqual(order === 'asc' ? keys : keys.toReversed());
    }
  });

  it('reads from, to and prefix percent-encoded, both ends included', async () => {
    for (const key of ['a b', 'a+b', 'a/b', 'é', 'b']) await runtime.store('texts').put(key, key);
    const keysOf = async (query: string): Promise<unknown> => {
      const page = (await (await get(`/stores/texts/entries?${query}`)).json()) as { items: { key: string }[] };
      return page.items.map(({ key }) => key);
    };
    expect(await keysOf('from=a%2Bb&to=b')).toEqual(['a+b', 'a/b', 'b']);
    expect(await keysOf('from=a+b&to=a%20b')).toEqual(['a b']);
    expect(await keysOf('prefix=%C3%A9')).toEqual(['é']);
    expect(await keysOf('from=&to=&')).toEqual([]);
    expect(await keysOf('order=desc&prefix=a')).toEqual(['a/b', 'a+b', 'a b']);
  });

  it('writes typed keys and values into pages as JSON, so that each key can be asked for again', async () => {
    await runtime.store('longs').put(2n ** 60n, 1n);
    await runtime.store('blobs').put(Uint8Array.of(251, 255), Uint8Array.of(0, 255));
    expect(await (await get('/stores/longs/entries')).json()).toEqual({
      items: [{ key: '1152921504606846976', value: '1' }],
    });
    expect(await (await get('/stores/blobs/entries')).json()).toEqual({ items: [{ key: '+/8=', value: 'AP8=' }] });
  });

  it('lists and describes queryable stores only', async () => {
    const { items } = (await (await get('/stores')).json()) as { items: { name: string }[] };
    expect(items.map(({ name }) => name)).toEqual(['balances', 'blobs', 'entries', 'longs', 'ratios', 'texts']);
    expect(await (await get('/stores/balances')).json()).toMatchObject({ name: 'balances', partitionCount: 4 });
  });

  it('answers 404 for stores that are hidden as for stores that do not exist, and for absent keys', async () => {
    for (const path of ['', '/entries', '/entries/a']) {
      const [hidden, absent] = await Promise.all([get(`/stores/hidden${path}`), get(`/stores/absent${path}`)]);
      const document = await problemOf(hidden);
      expect(document).toEqual(await problemOf(absent));
      expect(document).toMatchObject({
        status: 404,
        type: 'urn:nestjs-streams:problem:store-not-found',
        code: 'STREAMS_QUERY_STORE_NOT_FOUND',
      });
    }
    expect(await problemOf(await entry('balances', 'none'))).toMatchObject({
      status: 404,
      type: 'urn:nestjs-streams:problem:key-not-found',
      store: 'balances',
    });
  });

  it('answers 421 with the address at the owner', async () => {
    const store = runtime.store('texts');
    const partition = store.partitionOf(Buffer.from('a/é'));
    store.set(partition, undefined, elsewhere);
    const response = await entry('texts', 'a/é');
    const location = 'http://there:3000/stores/texts/entries/a%2F%C3%A9';
    expect(response.headers.get('streams-location')).toBe(location);
    expect(response.headers.has('retry-after')).toBe(false);
    expect(await problemOf(response)).toMatchObject({
      status: 421,
      code: 'STREAMS_QUERY_NOT_OWNER',
      owner: 'http://there:3000',
      ownerInstance: 'there',
      location,
      partition,
    });
    store.set(partition, undefined, { ...elsewhere, url: undefined });
    const nowhere = await entry('texts', 'a/é');
    expect(nowhere.headers.has('streams-location')).toBe(false);
    expect(await problemOf(nowhere)).not.toHaveProperty('owner');
  });

  it('answers 503 with what is left and Retry-After while a partition restores, has no owner, or nothing runs', async () => {
    const store = runtime.store('texts');
    const partition = store.partitionOf(Buffer.from('a'));
    const restore = { remainingRecords: 1234, etaMs: 2500 } as never;
    store.set(partition, { state: 'restoring', restore }, { instanceId: 'here', url: undefined, isLocal: true });
    const restoring = await entry('texts', 'a');
    expect(restoring.headers.get('retry-after')).toBe('3');
    expect(await problemOf(restoring)).toMatchObject({
      status: 503,
      code: 'STREAMS_QUERY_RESTORING',
      remainingRecords: 1234,
      etaMs: 2500,
      retryAfterS: 3,
    });
    store.set(partition, undefined);
    const scan = await get('/stores/texts/entries');
    expect(scan.headers.get('retry-after')).toBe('2');
    expect(await problemOf(scan)).toMatchObject({
      status: 503,
      code: 'STREAMS_QUERY_INCOMPLETE',
      missing: [{ partition, reason: 'unassigned' }],
    });
    runtime.state = 'starting';
    const starting = await entry('texts', 'a');
    expect(starting.headers.get('retry-after')).toBe('5');
    expect(await problemOf(starting)).toMatchObject({
      status: 503,
      code: 'STREAMS_QUERY_NOT_RUNNING',
      state: 'starting',
    });
  });

  it.each([
    ['/stores?x=1', 'unknown-parameter', { parameter: 'x', knownParameters: [] }],
    ['/stores/balances/entries/a?limit=1', 'unknown-parameter', { parameter: 'limit' }],
    [
      '/stores/balances/entries?form=a',
      'unknown-parameter',
      { parameter: 'form', knownParameters: [...SCAN_PARAMETERS] },
    ],
    ['/stores/balances/entries?__proto__=a', 'unknown-parameter', { parameter: '__proto__' }],
    ['/stores/balances/entries?limit[]=1', 'unknown-parameter', { parameter: 'limit[]' }],
    ['/stores/balances/entries?limit=0', 'invalid-parameter', { parameter: 'limit' }],
    ['/stores/balances/entries?limit=-1', 'invalid-parameter', { parameter: 'limit' }],
    ['/stores/balances/entries?limit=1.5', 'invalid-parameter', { parameter: 'limit' }],
    ['/stores/balances/entries?limit=', 'invalid-parameter', { parameter: 'limit' }],
    ['/stores/balances/entries?limit=5&limit=6', 'invalid-parameter', { parameter: 'limit' }],
    ['/stores/balances/entries?order=up', 'invalid-parameter', { parameter: 'order' }],
    ['/stores/balances/entries?from=%E9', 'invalid-parameter', { parameter: 'from' }],
    ['/stores/balances/entries?from=a&prefix=b', 'invalid-parameter', { parameter: 'prefix' }],
    ['/stores/longs/entries?from=x', 'invalid-key', { store: 'longs' }],
    ['/stores/longs/entries/1.0', 'invalid-key', { store: 'longs' }],
    ['/stores/texts/entries/a/b', 'invalid-key', {}],
    ['/stores/balances/entries?cursor=', 'invalid-cursor', { parameter: 'cursor' }],
    ['/stores/balances/entries?cursor=e30.YQ.c2ln', 'invalid-cursor', { parameter: 'cursor' }],
  ])('answers 400 to %s: %s', async (path, name, members) => {
    const document = await problemOf(await get(path));
    expect(document).toMatchObject({ status: 400, type: `urn:nestjs-streams:problem:${name}`, ...members });
  });

  it('answers 400 to a path whose percent-encoding is broken', async () => {
    expect((await get('/stores/texts/entries/%E9')).status).toBe(400);
    expect((await get('/stores/texts/entries/%')).status).toBe(400);
  });

  it('refuses a cursor of another store', async () => {
    for (const name of ['balances', 'texts']) {
      for (const key of ['a', 'b']) await runtime.store(name).put(key, key);
    }
    const { next } = (await (await get('/stores/balances/entries?limit=1')).json()) as { next: string };
    expect((await get(`/stores/balances/entries?limit=1&cursor=${next}`)).status).toBe(200);
    expect((await get(`/stores/texts/entries?limit=1&cursor=${next}`)).status).toBe(400);
  });

  it('says nothing of its inside, nor of keys and values in the log, when a query fails', async () => {
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    await runtime.store('texts').put('a', 'secret');
    runtime.store('texts').beforeRead = () => {
      throw new TypeError('secret');
    };
    const response = await entry('texts', 'a');
    const document = await problemOf(response);
    expect(document).toMatchObject({ status: 500, code: 'STREAMS_QUERY_FAILED' });
    expect(error).toHaveBeenCalledOnce();
    expect(error.mock.calls[0][0]).toMatch(/^A query failed with TypeError\n +at /);
    expect(JSON.stringify([document, error.mock.calls])).not.toContain('secret');
    error.mockRestore();
  });

  it('answers an approximate count of a whole store, and of nothing else', async () => {
    for (const key of ['a', 'b', 'c']) await runtime.store('texts').put(key, 'v');
    const count = async (query: string): Promise<unknown> => (await get(`/stores/texts/count${query}`)).json();
    expect(await count('?approximate=true')).toEqual({ count: 3, approximate: true });
    expect(await count('?approximate=false')).toEqual({ count: 3 });
    for (const query of ['approximate=yes', 'approximate=true&from=a', 'approximate=true&where=a=1'])
      expect(await problemOf(await get(`/stores/texts/count?${query}`))).toMatchObject({
        status: 400,
        parameter: 'approximate',
      });
  });

  it('counts and times queries by store, kind and status, under bounded labels', async () => {
    await runtime.store('texts').put('a', 'b');
    for (const path of [
      '/texts/entries/a',
      '/texts/entries/none',
      '/texts/entries',
      '/made-up/entries/a',
      '',
      '?x=1',
    ]) {
      await get(`/stores${path}`);
    }
    expect(
      metrics.add.mock.calls.map(([name, labels, amount]) => [name, ...Object.values(labels as object), amount]),
    ).toEqual([
      ['streams_query_requests_total', 'texts', 'get', '200', 1],
      ['streams_query_requests_total', 'texts', 'get', '404', 1],
      ['streams_query_requests_total', 'texts', 'scan', '200', 1],
      ['streams_query_requests_total', 'unknown', 'get', '404', 1],
      ['streams_query_requests_total', '', 'stores', '200', 1],
      ['streams_query_requests_total', '', 'stores', '400', 1],
    ]);
    expect(metrics.observe).toHaveBeenCalledTimes(6);
    expect(metrics.observe).toHaveBeenCalledWith(
      'streams_query_latency_seconds',
      { store: 'texts', kind: 'get' },
      expect.any(Number),
    );
  });
});
