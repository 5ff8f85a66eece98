import { describe, expect, it } from 'vitest';
import { StreamsClient } from './streams-client.js';

interface Stores {
  readonly items: { readonly key: string; readonly value: { readonly n: number } };
  readonly [name: string]: { readonly key: unknown; readonly value: unknown };
}

type Answer = Response | Error;

/** Answers in turn, and keeps what was asked. */
function scripted(...answers: Answer[]): {
  readonly fetch: typeof globalThis.fetch;
  readonly asked: [string, Headers][];
} {
  const asked: [string, Headers][] = [];
  const answer = async (url: string, init?: RequestInit): Promise<Response> => {
    asked.push([url, new Headers(init?.headers)]);
    const next = answers[Math.min(asked.length, answers.length) - 1];
    if (next instanceof Error) throw next;
    return next.clone();
  };
  return { fetch: answer as unknown as typeof globalThis.fetch, asked };
}

const json = (
  body: unknown,
  init: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): Response =>
  new Response(JSON.stringify(body), { ...init, headers: { 'content-type': 'application/json', ...init.headers } });
const problem = (name: string, status: number, headers: Record<string, string> = {}): Response =>
  json(
    { type: `urn:nestjs-streams:problem:${name}`, status, detail: name, code: name.toUpperCase() },
    { status, headers },
  );
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
