import { beforeEach, describe, expect, it } from 'vitest';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

interface Line {
  readonly key?: string;
  readonly end?: true;
  readonly next?: string;
}

const COUNT = 40;
const items = Array.from({ length: COUNT }, (_, n): [string, Item] => [`k${String(n).padStart(2, '0')}`, { n }]);
const keys = items.map(([key]) => key);

describe('a scan as NDJSON', () => {
  const apps = new StreamsApps();
  let urls: readonly string[];

  beforeEach(async () => {
    const cluster = await QueryCluster.open(apps);
    const instances = await cluster.startAll({ instanceId: 'a' }, { instanceId: 'b' });
    await cluster.put(items);
    await cluster.processed();
    urls = instances.map(({ url }) => url);
  });

  async function scan(query: string, at = 0): Promise<{ readonly told: (string | undefined)[]; readonly last: Line }> {
    const response = await fetch(`${urls[at]}/stores/items/entries?${query}`, {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(response.status).toBe(200);
    const lines = (await response.text()).trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as Line);
    return { told: parsed.slice(0, -1).map(({ key }) => key), last: parsed.at(-1)! };
  }

  it('that is cut by its limit says where to go on, at any instance', async () => {
    const first = await scan('limit=15');
    const second = await scan(`limit=15&cursor=${first.last.next!}`, 1);
    const rest = await scan(`cursor=${second.last.next!}`);
    expect([first, second, rest].map(({ told }) => told.length)).toEqual([15, 15, 10]);
    expect([first, second, rest].flatMap(({ told }) => told)).toEqual(keys);
    expect(rest.last).toEqual({ end: true });
  });

  it('goes on in pages, and pages go on in it, backwards too', async () => {
    const { told, last } = await scan('limit=30&order=desc');
    const page = (await (
      await fetch(`${urls[1]}/stores/items/entries?limit=4&order=desc&cursor=${last.next!}`)
    ).json()) as { items: { key: string }[]; next: string };
    const rest = await scan(`order=desc&cursor=${page.next}`);
    expect([...told, ...page.items.map(({ key }) => key), ...rest.told]).toEqual(keys.toReversed());
  });

  it('whose limit is what there is was not cut', async () => {
    const { told, last } = await scan(`limit=${COUNT}`);
    expect(told).toEqual(keys);
    expect(last).toEqual({ end: true });
  });

  it('refuses a cursor of another query before anything is written', async () => {
    const { last } = await scan('limit=1&prefix=k1');
    const response = await fetch(`${urls[0]}/stores/items/entries?prefix=k2&cursor=${last.next!}`, {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ parameter: 'cursor' });
  });
});
