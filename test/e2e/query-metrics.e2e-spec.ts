import { register } from 'prom-client';
import { afterEach, expect, it } from 'vitest';
import { EventFeed } from './support/event-feed.js';
import { QueryCluster } from './support/query-cluster.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const apps = new StreamsApps();
afterEach(() => register.clear());

async function sample(app: StreamsApp, name: string): Promise<number | undefined> {
  const { text } = await app.fetch('/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

it('counts and times calls to other instances by what they come to', async () => {
  const cluster = await QueryCluster.open(apps);
  const [a, b] = await cluster.startAll({ instanceId: 'a', options: { metrics: true } }, 'b');
  await cluster.put(Array.from({ length: 20 }, (_, n) => [`k${n}`, { n }]));
  await cluster.processed();
  const calls = 'streams_peer_calls_total{application="app",operation="get",outcome="answered"}';
  const before = (await sample(a, calls)) ?? 0;
  expect((await a.fetch(`/stores/items/entries/${cluster.keyOf(b)}`)).status).toBe(200);
  expect((await a.fetch(`/stores/items/entries/${cluster.keyOf(a)}`)).status).toBe(200);
  expect(await sample(a, calls)).toBe(before + 1);
  expect(await sample(a, 'streams_peer_latency_seconds_count{application="app",operation="get"}')).toBe(before + 1);
  await a.fetch(`/stores/items/entries/${cluster.keyOf(b)}?position=in@${cluster.partitionOf(cluster.keyOf(b))}:999`);
  expect(
    await sample(a, 'streams_peer_calls_total{application="app",operation="get",outcome="position-not-reached"}'),
  ).toBe(1);
});

it('shows how many feeds are open', async () => {
  const cluster = await QueryCluster.open(apps);
  const [a] = await cluster.startAll({ instanceId: 'a', options: { metrics: true } });
  const gauge = 'streams_query_streams{application="app",kind="changes"}';
  const feeds = await Promise.all([1, 2].map(() => EventFeed.open(`${a.url}/stores/items/changes`)));
  expect(await sample(a, gauge)).toBe(2);
  for (const feed of feeds) feed.close();
  await expect.poll(() => sample(a, gauge), { timeout: 5000 }).toBe(0);
});
