import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from 'vitest';
import { StateStore, type StoreQueryOptions } from '../../decorators/state-store.decorator.js';
import { bytesSerde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { KeyValueStore } from '../../stores/key-value/key-value-store.js';
import { FakeRuntime, storeDefinition, type FakeStore } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';

interface Secretive {
  readonly n: number;
  readonly secret: string;
}

interface Page {
  readonly items: readonly { readonly key: string; readonly value: unknown }[];
  readonly next?: string;
}

describe('what a caller may not see', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  async function serve<V>(
    query: StoreQueryOptions<string, V>,
    value: Serde<V> = json<V>(),
  ): Promise<{ readonly store: FakeStore; get(path: string, accept?: string): Promise<Response> }> {
    @StateStore({ name: 's', key: 'string', value, query })
    class S extends KeyValueStore<string, V> {}
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, value, { storeClass: S })], 1);
    const served = await listen(new ExpressAdapter(), runtime);
    app = served.app;
    return {
      store: runtime.store('s'),
      get: (path, accept = '*/*') => fetch(`${served.url}/stores/s${path}`, { headers: { accept } }),
    };
  }
  const read = async <T>(response: Promise<Response>): Promise<T> => (await (await response).json()) as T;

  it('stays unseen if "authorize" gives no answer', async () => {
    const { store, get } = await serve({ authorize: () => undefined as unknown as boolean });
    await store.put('k', { n: 1 });
    expect((await get('/entries/k')).status).toBe(403);
    expect(await read<Page>(get('/entries'))).toEqual({ items: [] });
  });

  it.each(['/entries/k', '/entries'])('is no empty object if "map" returns a promise: %s', async (path) => {
    const { store, get } = await serve<Secretive>({ map: ({ n }) => Promise.resolve({ n }) });
    await store.put('k', { n: 1, secret: 'hunter2' });
    expect((await get(path)).status).toBe(500);
  });

  it('is in no approximate count, which looks at no entry', async () => {
    const { store, get } = await serve({ authorize: () => true });
    await store.put('k', { n: 1 });
    expect((await get('/count?approximate=true')).status).toBe(400);
  });

  it('meets no condition: "where" looks at what "map" returns', async () => {
    const { store, get } = await serve<Secretive>({ map: ({ n }) => ({ n }) });
    await store.put('k', { n: 1, secret: 'hunter2' });
    const items = async (where: string): Promise<unknown[]> => {
      const query = `where=${encodeURIComponent(where)}`;
      const lines = await (await get(`/entries?${query}`, 'application/x-ndjson')).text();
      const { count } = await read<{ count: number }>(get(`/count?${query}`));
      const page = await read<Page>(get(`/entries?${query}`));
      return [count, page.items.length, lines.trim().split('\n').length - 1];
    };
    expect(await items('secret=hunter2')).toEqual([0, 0, 0]);
    expect(await items('n=1')).toEqual([1, 1, 1]);
  });

  it('hides no number of the others from conditions', async () => {
    const value: Serde<{ balance: bigint }> = {
      name: 'account',
      serialize: ({ balance }) => Buffer.from(String(balance)),
      deserialize: (bytes) => ({ balance: BigInt(Buffer.from(bytes).toString()) }),
    };
    const { store, get } = await serve({ authorize: () => true }, value);
    await store.put('k', { balance: 100n });
    expect(await read(get('/count?where=balance%3E%3D100'))).toEqual({ count: 1 });
  });

  it('is not told by whether a page is the last one', async () => {
    const { store, get } = await serve({ authorize: ({ key }) => key !== 'a' && key !== 'b' });
    for (const key of ['a', 'b']) await store.put(key, { balance: 5 });
    const ask = (where: string): Promise<Page> =>
      read<Page>(get(`/entries?limit=1&where=${encodeURIComponent(where)}`));
    expect(Object.keys(await ask('balance>=5'))).toEqual(Object.keys(await ask('balance>=6')));
  });

  it('is not named by cursors', async () => {
    const { store, get } = await serve({ authorize: ({ key }) => !key.startsWith('secret') });
    for (const key of ['p', 'secret-a', 'secret-b', 'x', 'y']) await store.put(key, { balance: 5 });
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page = await read<Page>(get(`/entries?limit=1${next === undefined ? '' : `&cursor=${next}`}`));
      seen.push(...page.items.map(({ key }) => key));
      next = page.next;
      for (const part of next?.split('.') ?? [])
        expect(Buffer.from(part, 'base64url').toString('latin1')).not.toContain('secret');
    } while (next !== undefined);
    expect(seen).toEqual(['p', 'x', 'y']);
  });

  it('is found among entries that many others hide, page by page', async () => {
    const { store, get } = await serve({ authorize: ({ key }) => key.endsWith('7') });
    for (let n = 0; n < 300; n++) await store.put(String(n).padStart(3, '0'), { n });
    const first = await read<Page>(get('/entries?limit=20'));
    const rest = await read<Page>(get(`/entries?limit=20&cursor=${first.next}`));
    expect([first.items.length, rest.items.length, rest.next]).toEqual([20, 10, undefined]);
  });

  it('is hidden by "toJSON" from "fields", too', async () => {
    class View {
      constructor(
        readonly n: number,
        readonly secret: string,
      ) {}

      toJSON(): object {
        return { n: this.n };
      }
    }
    const { store, get } = await serve<Secretive>({ map: ({ n, secret }) => new View(n, secret) });
    await store.put('k', { n: 1, secret: 'hunter2' });
    expect(await read(get('/entries/k'))).toEqual({ n: 1 });
    expect(await read(get('/entries/k?fields=secret'))).toEqual({});
    expect(await read(get('/entries/k?fields=n'))).toEqual({ n: 1 });
  });
});

describe('fields', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  async function value<V>(
    query: StoreQueryOptions<string, V>,
    serde: Serde<V>,
    stored: V,
    fields: string,
  ): Promise<unknown> {
    @StateStore({ name: 's', key: 'string', value: serde, query })
    class S extends KeyValueStore<string, V> {}
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, serde, { storeClass: S })], 1);
    await runtime.store('s').put('k', stored);
    const served = await listen(new ExpressAdapter(), runtime);
    app = served.app;
    return (await fetch(`${served.url}/stores/s/entries/k?fields=${fields}`)).json();
  }

  it('leave bytes as they are, like all that is no object', async () => {
    expect(await value({}, bytesSerde, Uint8Array.of(0, 255), 'n')).toBe('AP8=');
  });

  it('that overlap change nothing that "map" returns', async () => {
    const shared = Object.freeze({ owner: Object.freeze({ name: 'x', age: 3 }) });
    expect(await value({ map: () => shared }, json<object>(), {}, 'owner,owner.name')).toEqual(shared);
    expect(await value({ map: () => shared }, json<object>(), {}, 'owner.name')).toEqual({ owner: { name: 'x' } });
  });
});
