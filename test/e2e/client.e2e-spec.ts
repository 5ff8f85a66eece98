import { StreamsClient, type StoreChange } from 'nestjs-streams/client';
import { describe, expect, it } from 'vitest';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

interface Stores {
  readonly items: { readonly key: string; readonly value: Item };
  readonly [name: string]: { readonly key: unknown; readonly value: unknown };
}

const entries = (count: number): [string, Item][] =>
  Array.from({ length: count }, (_, n) => [`k${String(n).padStart(5, '0')}`, { n }]);

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('the typed client', () => {
  const apps = new StreamsApps();

  it('reads single entries, many, pages, streams and counts, whichever instance it asks', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(2500));
    await cluster.processed();
    const items = new StreamsClient<Stores>({ urls: [a.url, b.url] }).store('items');
    expect(await items.get('k00007')).toEqual({ n: 7 });
    expect(await items.get('none')).toBeUndefined();
    expect(await items.lookup([...entries(1500).map(([key]) => key), 'none'])).toEqual(new Map(entries(1500)));
    const expected = entries(2500).map(([key, value]) => ({ key, value }));
    expect(await collected(items.entries({ limit: 1000 }))).toEqual(expected);
    expect(await collected(items.stream())).toEqual(expected);
    expect(await collected(items.entries({ where: ['n>=10', 'n<13'], order: 'desc' }))).toEqual(
      expected.slice(10, 13).reverse(),
    );
    expect(await items.count({ prefix: 'k000' })).toBe(100);
    const entry = await items.getEntry('k00001');
    expect(entry).toMatchObject({ value: { n: 1 }, role: 'active', lag: 0 });
    expect(await items.getEntry('k00001', {}, entry)).toEqual({ ...entry, stalenessMs: expect.any(Number) });
  });

  it('follows changes over the end of the instance that told them, without losing or repeating any', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(100));
    await cluster.processed();
    const stop = new AbortController();
    apps.onRelease(() => stop.abort());
    const told: StoreChange<string, Item>[] = [];
    const items = new StreamsClient<Stores>({ urls: [a.url, b.url], maxBackOffMs: 20 }).store('items');
    const following = (async () => {
      for await (const change of items.changes({ signal: stop.signal })) told.push(change);
    })();
    await expect.poll(() => told.some(({ type }) => type === 'snapshot-end')).toBe(true);
    expect(told.filter(({ type }) => type === 'entry')).toHaveLength(100);
    const puts = (): unknown[] =>
      told.flatMap((change) => (change.type === 'put' ? [`${change.key}=${change.value.n}`] : []));
    await cluster.put([['k00001', { n: 1000 }]]);
    await expect.poll(puts).toHaveLength(1);
    cluster.instances.splice(0, 1);
    await a.close();
    for (let n = 0; n < 50; n++) await cluster.put([[`new${n}`, { n }]]);
    await expect.poll(puts, { timeout: 15_000 }).toHaveLength(51);
    expect(new Set(puts()).size).toBe(51);
    expect(told.filter(({ type }) => type === 'snapshot-begin')).toHaveLength(1);
    stop.abort();
    await following;
  });

  it.each(['fastify', 'express'] as const)(
    'reads the keys "." and ".." on %s, and follows them by their prefix only',
    async (adapter) => {
      const cluster = await QueryCluster.open(apps);
      const [a] = await cluster.startAll({ instanceId: 'a', adapter });
      await cluster.put([
        ['.', { n: 1 }],
        ['..', { n: 2 }],
        ['', { n: 3 }],
      ]);
      await cluster.processed();
      const items = new StreamsClient<Stores>({ urls: [a.url] }).store('items');
      expect([await items.get('.'), await items.get('..')]).toEqual([{ n: 1 }, { n: 2 }]);
      expect(await items.getEntry('.')).toMatchObject({
        value: { n: 1 },
        role: 'active',
        lag: 0,
        instance: 'a',
        position: expect.stringContaining(`items:${cluster.partitionOf('.')}:`),
      });
      expect(() => items.changes({ key: '..' })).toThrow(TypeError);
      const told: unknown[] = [];
      for await (const change of items.changes({ prefix: '..' })) {
        if (change.type === 'snapshot-end') break;
        if (change.type === 'entry') told.push(change.key);
      }
      expect(told).toEqual(['..']);
    },
  );

  it('still reads what a feed has told, where it reads what it wrote', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(20));
    await cluster.processed();
    const session = new StreamsClient<Stores>({ urls: [a.url, b.url], readYourWrites: true });
    const items = session.store('items');
    for await (const change of items.changes()) if (change.type === 'snapshot-end') break;
    expect(await items.lookup(entries(20).map(([key]) => key))).toEqual(new Map(entries(20)));
  });
});
