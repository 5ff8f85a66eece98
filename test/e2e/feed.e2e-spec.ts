import { describe, expect, it } from 'vitest';
import { EventFeed } from './support/event-feed.js';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const entries = (count: number, n = 0): [string, Item][] =>
  Array.from({ length: count }, (_, i) => [`k${i}`, { n: n + i }]);

/** Counts the readers that feeds of an instance open from now on. */
async function feedReaders({ host }: StreamsApp): Promise<{ opened: number; open: number }> {
  const readers = { opened: 0, open: 0 };
  const log = await host.openLog();
  const openReader = log.openReader.bind(log);
  log.openReader = (options) => {
    const reader = openReader(options);
    if (options.role !== 'feed') return reader;
    readers.opened++;
    readers.open++;
    const close = reader.close.bind(reader);
    reader.close = () => {
      readers.open--;
      return close();
    };
    return reader;
  };
  return readers;
}

describe.each(['fastify', 'express'] as const)('the change feed on %s', (adapter) => {
  const apps = new StreamsApps();
  const open = async (url: string, headers?: Record<string, string>): Promise<EventFeed> => {
    const feed = await EventFeed.open(url, headers);
    apps.onRelease(() => feed.close());
    return feed;
  };

  it('begins with all entries, goes on with every change, and can be taken up at another instance', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    await cluster.put(entries(30));
    await cluster.processed();
    const first = await open(`${a.url}/stores/items/changes`);
    expect(first.response.headers['content-type']).toBe('text/event-stream');
    // A stop would wait for a connection that is kept open behind the feed.
    expect(first.response.headers.connection).toBe('close');
    await expect.poll(() => first.messages.at(-1)).toMatchObject({ event: 'snapshot-end' });
    expect(first.state).toEqual(new Map(entries(30)));
    await cluster.put([
      ['k1', { n: 100 }],
      ['k2', null],
      ['new', { n: 7 }],
    ]);
    await expect.poll(() => first.messages.filter(({ event }) => event === 'put' || event === 'delete').length).toBe(3);
    const { lastId } = first;
    first.close();
    await cluster.put([
      ['k3', { n: 300 }],
      ['k4', null],
    ]);
    const second = await open(`${b.url}/stores/items/changes`, { 'last-event-id': lastId! });
    await expect.poll(() => second.messages.length).toBe(2);
    expect(second.messages.map(({ event, data }) => [event, data]).sort()).toEqual([
      ['delete', { key: 'k4' }],
      ['put', { key: 'k3', value: { n: 300 } }],
    ]);
    expect(new Map([...first.state, ...second.state])).toEqual(
      new Map([
        ...entries(30).filter(([key]) => !['k1', 'k2', 'k3'].includes(key)),
        ['k1', { n: 100 }],
        ['new', { n: 7 }],
        ['k3', { n: 300 }],
      ]),
    );
  });

  it('reads the changelog once for all that have caught up, and no longer without them', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    await cluster.put(entries(30));
    await cluster.processed();
    const readers = await feedReaders(a);
    const feeds = await Promise.all(Array.from({ length: 10 }, () => open(`${a.url}/stores/items/changes`)));
    const one = await open(`${a.url}/stores/items/entries/k7/changes`);
    for (const feed of [...feeds, one])
      await expect.poll(() => feed.messages.at(-1)).toMatchObject({ event: 'snapshot-end' });
    await cluster.put(entries(30, 50));
    for (const feed of feeds) await expect.poll(() => feed.state).toEqual(new Map(entries(30, 50)));
    await expect.poll(() => one.state).toEqual(new Map([['k7', { n: 57 }]]));
    expect(readers).toEqual({ opened: 1, open: 1 });
    for (const feed of [...feeds, one]) feed.close();
    await expect.poll(() => readers.open).toBe(0);
  });

  it('tells of one entry only, where that is asked for', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    await cluster.put(entries(20));
    await cluster.processed();
    const feed = await open(`${a.url}/stores/items/entries/k7/changes`);
    await expect.poll(() => feed.messages.length).toBe(3);
    await cluster.put(entries(20, 50));
    await expect.poll(() => feed.messages.length).toBe(4);
    expect(feed.messages.map(({ event, data }) => [event, data])).toMatchObject([
      ['snapshot-begin', {}],
      ['entry', { key: 'k7', value: { n: 7 } }],
      ['snapshot-end', {}],
      ['put', { key: 'k7', value: { n: 57 } }],
    ]);
  });

  it('tells of entries whose keys are hard to write in a path', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    const keys = ['', '/', '/changes', 'a/changes', '%2F', 'é 漢'];
    await cluster.put(keys.map((key, n) => [key, { n }]));
    await cluster.processed();
    for (const [n, key] of keys.entries()) {
      const feed = await open(`${a.url}/stores/items/entries/${encodeURIComponent(key)}/changes`);
      expect([key, feed.response.statusCode]).toEqual([key, 200]);
      await expect.poll(() => feed.messages[1]).toMatchObject({ event: 'entry', data: { key, value: { n } } });
    }
  });

  it('tells nothing twice and never goes back, where entries change while the snapshot is read page by page', async () => {
    const cluster = await QueryCluster.open(apps, { partitions: 1 });
    const [a] = await cluster.startAll({ instanceId: 'a', adapter, options: { commitInterval: 1 } });
    const keys = Array.from({ length: 5000 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    await cluster.put(keys.map((key) => [key, { n: 0 }]));
    await cluster.processed();
    let isOver = false;
    const last = new Map(keys.map((key) => [key, 0]));
    const writing = (async () => {
      for (let n = 1; !isOver; n++) {
        const changed = Array.from({ length: 200 }, (_, i) => keys[(n * 977 + i * 25) % keys.length]);
        for (const key of changed) last.set(key, n);
        await cluster.put(changed.map((key) => [key, { n }]));
      }
    })();
    const feeds: EventFeed[] = [];
    for (let i = 0; i < 5; i++) {
      const feed = await open(`${a.url}/stores/items/changes`);
      feeds.push(feed);
      await expect
        .poll(() => feed.messages.some(({ event }) => event === 'snapshot-end'), { interval: 1, timeout: 10_000 })
        .toBe(true);
    }
    isOver = true;
    await writing;
    const final = new Map([...last].map(([key, n]) => [key, { n }]));
    for (const feed of feeds) {
      await expect.poll(() => feed.state, { timeout: 10_000 }).toEqual(final);
      const seen = new Map<string, number>();
      const wrong: unknown[] = [];
      for (const { event, data } of feed.messages) {
        if (event !== 'entry' && event !== 'put') continue;
        const { key, value } = data as { key: string; value: Item };
        if (value.n <= (seen.get(key) ?? -1)) wrong.push([event, key, seen.get(key), value.n]);
        seen.set(key, value.n);
      }
      expect(wrong).toEqual([]);
    }
  });
});
