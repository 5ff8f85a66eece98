import { Response as OtherResponse } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StreamsClient } from './streams-client.js';
import { json, problem, scripted } from './testing/scripted-fetch.js';

interface Stores {
  readonly items: { readonly key: string; readonly value: { readonly n: number } };
  readonly [name: string]: { readonly key: unknown; readonly value: unknown };
}

const client = (fetch: typeof globalThis.fetch, options: object = {}): StreamsClient<Stores> =>
  new StreamsClient<Stores>({ urls: ['http://a/', 'http://b'], fetch, maxBackOffMs: 1, ...options });

describe('the client', () => {
  it('asks the next instance where one does not answer, and where it cannot for now', async () => {
    const { fetch, asked } = scripted(new TypeError('refused'), problem('unassigned', 503), json({ n: 1 }));
    expect(await client(fetch).store('items').get('a/b')).toEqual({ n: 1 });
    expect(asked.map(([url]) => url)).toEqual([
      'http://a/stores/items/entries/a%2Fb',
      'http://b/stores/items/entries/a%2Fb',
      'http://a/stores/items/entries/a%2Fb',
    ]);
  });

  it('turns from an instance that did not answer before the time-out of the caller', async () => {
    const asked: string[] = [];
    let isAsked = (): void => {};
    const first = new Promise<void>((resolve) => (isAsked = resolve));
    const fetch = (url: string, init?: RequestInit): Promise<Response> => {
      asked.push(url);
      isAsked();
      if (url.startsWith('http://b')) return Promise.resolve(json({ n: 1 }));
      return new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal!.reason as Error));
      });
    };
    const items = client(fetch as typeof globalThis.fetch).store('items');
    const patience = new AbortController();
    const hanging = items.get('a', { signal: patience.signal });
    await first;
    patience.abort(new Error('Too slow.'));
    await expect(hanging).rejects.toThrow('Too slow.');
    expect(await items.get('a')).toEqual({ n: 1 });
    expect(asked.map((url) => new URL(url).host)).toEqual(['a', 'b']);
  });

  it('gives up after so many attempts, and at once where nothing will change', async () => {
    const away = scripted(problem('unassigned', 503));
    await expect(client(away.fetch, { maxAttempts: 3 }).store('items').get('a')).rejects.toMatchObject({
      status: 503,
      problem: 'unassigned',
    });
    expect(away.asked).toHaveLength(3);
    const wrong = scripted(problem('invalid-parameter', 400));
    await expect(client(wrong.fetch).store('items').count()).rejects.toMatchObject({ problem: 'invalid-parameter' });
    expect(wrong.asked).toHaveLength(1);
  });

  it('tells a missing key from a missing store', async () => {
    expect(
      await client(scripted(problem('key-not-found', 404)).fetch)
        .store('items')
        .get('a'),
    ).toBeUndefined();
    await expect(
      client(scripted(problem('store-not-found', 404)).fetch)
        .store('items')
        .get('a'),
    ).rejects.toMatchObject({
      status: 404,
    });
  });

  it('goes where an instance that calls no other one says', async () => {
    const location = { 'streams-location': 'http://owner/stores/items/entries/a' };
    const { fetch, asked } = scripted(problem('not-owner', 421, location), json({ n: 1 }));
    expect(await client(fetch).store('items').get('a')).toEqual({ n: 1 });
    expect(asked[1][0]).toBe('http://owner/stores/items/entries/a');
  });

  it('lets go of the answer that only names the owner', async () => {
    const released: unknown[] = [];
    const body = new ReadableStream({ cancel: () => void released.push('named') });
    const headers = { 'streams-location': 'http://owner/x' };
    const answer = async (url: string): Promise<Response> =>
      url === 'http://owner/x' ? json({ n: 1 }) : new Response(body, { status: 421, headers });
    expect(
      await client(answer as typeof fetch)
        .store('items')
        .get('a'),
    ).toEqual({ n: 1 });
    expect(released).toEqual(['named']);
  });

  describe('of several instances', () => {
    afterEach(() => void vi.useRealTimers());

    it('does not ask a dead one again and again', async () => {
      const asked: string[] = [];
      const answer = async (url: string): Promise<Response> => {
        asked.push(new URL(url).host);
        if (url.startsWith('http://a')) throw new TypeError('refused');
        return json({ n: 1 });
      };
      const items = client(answer as typeof fetch).store('items');
      await Promise.all(Array.from({ length: 4 }, () => items.get('a')));
      for (let i = 0; i < 20; i++) await items.get('a');
      expect(asked.filter((host) => host === 'a')).toHaveLength(4);
      expect(asked.filter((host) => host === 'b')).toHaveLength(24);
    });

    it('waits for their Retry-After once all have asked for it, also as a date', async () => {
      vi.useFakeTimers({ now: 1_800_000_000_000 });
      const inFourSeconds = new Date(Date.now() + 4000).toUTCString();
      const { fetch, asked } = scripted(
        problem('too-many-requests', 429, { 'retry-after': '3' }),
        problem('too-many-requests', 429, { 'retry-after': inFourSeconds }),
        json({ n: 1 }),
      );
      const got = client(fetch, { maxBackOffMs: 5000 }).store('items').get('a');
      await vi.advanceTimersByTimeAsync(2999);
      expect(asked.map(([url]) => new URL(url).host)).toEqual(['a', 'b']);
      await vi.advanceTimersByTimeAsync(200);
      expect(await got).toEqual({ n: 1 });
      expect(asked.map(([url]) => new URL(url).host)).toEqual(['a', 'b', 'a']);
    });
  });

  it('bounds the header of positions, keeps those seen last, and refuses a position that does not fit', async () => {
    const { fetch, asked } = scripted(json({ n: 1 }));
    const session = client(fetch, { readYourWrites: true });
    session.observe(Array.from({ length: 5000 }, (_, i) => `in@${i}:1`).join(','));
    session.observe('in@0:2');
    await session.store('items').get('a', { position: 'items:0:5' });
    const header = asked[0][1].get('streams-min-position') ?? '';
    expect(header.length).toBeLessThanOrEqual(8192);
    expect(header).toMatch(/^in@\d+:1,.*,in@4999:1,in@0:2,items:0:5$/);
    const position = Array.from({ length: 5000 }, (_, i) => `items:${i}:1`).join(',');
    await expect(session.store('items').get('a', { position })).rejects.toThrow(/name fewer partitions/);
    expect(asked).toHaveLength(1);
  });

  it('takes the answers of a fetch whose Response is of another class, problems too', async () => {
    const other = (body: object, status = 200): Response =>
      new OtherResponse(JSON.stringify(body), {
        status,
        headers: { 'content-type': 'application/json' },
      }) as unknown as Response;
    const { fetch, asked } = scripted(other({}, 503), other({ n: 1 }));
    expect(await client(fetch).store('items').get('a')).toEqual({ n: 1 });
    expect(asked).toHaveLength(2);
  });

  it('reads what it wrote, and never less than it has seen', async () => {
    const seen = json({ n: 1 }, { headers: { 'streams-position': 'items:0:7' } });
    const { fetch, asked } = scripted(seen, json({ n: 1 }));
    const session = client(fetch, { readYourWrites: true });
    session.observe('in@0:3,other:0:9');
    await session.store('items').get('a', { waitS: 2, position: 'items:0:5,items:1:2' });
    await session.store('items').get('a');
    expect(asked.map(([, headers]) => headers.get('streams-min-position'))).toEqual([
      'in@0:3,items:0:5,items:1:2',
      'in@0:3,items:0:7',
    ]);
    expect(asked[0][1].get('prefer')).toBe('wait=2');
    // As a header a position that has nothing to do with the store is no error; as a parameter it is.
    expect(asked[0][0]).not.toContain('?');
  });

  it('does not have sent again what it has', async () => {
    const first = json({ n: 1 }, { headers: { etag: '"x"' } });
    const { fetch, asked } = scripted(first, new Response(null, { status: 304, headers: { etag: '"x"' } }));
    const items = client(fetch).store('items');
    const known = await items.getEntry('a');
    expect(await items.getEntry('a', {}, known)).toMatchObject({ value: { n: 1 }, etag: '"x"' });
    expect(asked[1][1].get('if-none-match')).toBe('"x"');
  });

  it('tells entries that are all from entries that broke off', async () => {
    const lines = (...texts: string[]): Response => new Response(texts.map((text) => `${text}\n`).join(''));
    const item = '{"key":"a","value":{"n":1}}';
    const all = async (response: Response): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const each of client(scripted(response).fetch).store('items').stream()) found.push(each);
      return found;
    };
    expect(await all(lines(item, '{"end":true}'))).toEqual([{ key: 'a', value: { n: 1 } }]);
    await expect(all(lines(item))).rejects.toThrow(/broke off/);
    await expect(all(lines(item, '{"problem":{"status":503,"detail":"x"}}'))).rejects.toMatchObject({ status: 503 });
  });
});
