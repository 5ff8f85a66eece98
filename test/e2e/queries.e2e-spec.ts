import { describe, expect, it } from 'vitest';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const items = (count: number): [string, Item][] => Array.from({ length: count }, (_, n) => [`k${n}`, { n }]);

describe.each(['fastify', 'express'] as const)('instances of one application on %s', (adapter) => {
  const apps = new StreamsApps();

  it('answer for each other', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    await cluster.put(items(40));
    await cluster.processed();
    for (const asked of [a, b])
      for (const [key, item] of items(40)) {
        const response = await fetch(`${asked.url}/stores/items/entries/${key}`);
        expect(response.status).toBe(200);
        expect(await response.json()).toEqual(item);
        const owner = [a, b].find(({ host }) =>
          host.tasks().some(({ partition }) => partition === cluster.partitionOf(key)),
        )!;
        expect(response.headers.get('streams-instance')).toBe(owner.host.instanceId);
        expect(response.headers.get('streams-partition')).toBe(String(cluster.partitionOf(key)));
        expect(response.headers.get('streams-role')).toBe('active');
      }
    const page = (await (await fetch(`${a.url}/stores/items/entries?limit=1000`)).json()) as {
      items: { key: string; value: Item }[];
    };
    expect(page.items.map(({ key, value }) => [key, value])).toEqual(items(40).sort(([x], [y]) => (x < y ? -1 : 1)));
    expect((await b.fetch('/stores/items/count')).json).toEqual({ count: 40 });
  });
});
