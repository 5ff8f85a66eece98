import compression from 'compression';
import { describe, expect, it } from 'vitest';
import { EventFeed } from './support/event-feed.js';
import { QueryCluster } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

describe.each(['express', 'fastify'] as const)('behind compression() on %s', (adapter) => {
  const apps = new StreamsApps();
  const headers = { 'accept-encoding': 'gzip, deflate, br' };

  async function started(): Promise<{ readonly cluster: QueryCluster; readonly url: string }> {
    const cluster = await QueryCluster.open(apps, { partitions: 1 });
    const { url } = await cluster.start({
      instanceId: 'a',
      adapter,
      prepare: (nest) => void nest.use(compression({ threshold: 0 })),
    });
    await cluster.balanced(...cluster.instances);
    await cluster.put([['a', { n: 1, tag: 'x'.repeat(2000) }]]);
    await cluster.processed();
    return { cluster, url };
  }

  it('a feed tells each change when it happens', async () => {
    const { cluster, url } = await started();
    const feed = await EventFeed.open(`${url}/stores/items/changes`, headers);
    apps.onRelease(() => feed.close());
    await expect.poll(() => feed.messages.map(({ event }) => event)).toContain('snapshot-end');
    await cluster.put([['a', { n: 2 }]]);
    await expect.poll(() => feed.state.get('a')).toEqual({ n: 2 });
  });

  it('entries as NDJSON are not held back, and pages are still compressed', async () => {
    const { url } = await started();
    const answer = (accept: string): Promise<Response> =>
      fetch(`${url}/stores/items/entries`, { headers: { ...headers, accept } });
    const stream = await answer('application/x-ndjson');
    expect(stream.headers.get('content-encoding')).toBeNull();
    expect(stream.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(await stream.text()).toMatch(/^\{"key":"a",.*\n\{"end":true\}\n$/);
    const page = await answer('application/json');
    expect(page.headers.get('content-encoding')).toBe('br');
    expect(await page.json()).toMatchObject({ items: [{ key: 'a' }] });
  });
});
