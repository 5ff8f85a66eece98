import { once } from 'node:events';
import { get, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { EventFeed } from './support/event-feed.js';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const COUNT = 4000;
const VALUE_BYTES = 10_000;
const TOTAL_BYTES = COUNT * VALUE_BYTES;
/** More than the sockets of both ends take, by far less than everything. */
const IN_FLIGHT_MAX_BYTES = TOTAL_BYTES / 2;

const entries = (): [string, Item][] =>
  Array.from({ length: COUNT }, (_, n) => [`k${n}`, { n, tag: 'x'.repeat(VALUE_BYTES) }]);

describe.each(['fastify', 'express'] as const)('a reader that takes nothing for a while, on %s,', (adapter) => {
  const apps = new StreamsApps();

  /** An instance with much to tell, and what it has sent to its latest connection. */
  async function filled(): Promise<[QueryCluster, StreamsApp, () => number]> {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll({ instanceId: 'a', adapter });
    await cluster.put(entries());
    await cluster.processed();
    let latest: Socket | undefined;
    (a.nest.getHttpServer() as Server).on('connection', (socket) => (latest = socket));
    return [cluster, a, () => latest!.bytesWritten];
  }

  /** Waits until nothing more is produced. @returns what was, what waits in the process included */
  async function settled(sent: () => number): Promise<number> {
    let before = -1;
    await expect
      .poll(
        () => {
          const isSame = sent() === before;
          before = sent();
          return isSame && before > 100_000;
        },
        { interval: 500, timeout: 20_000 },
      )
      .toBe(true);
    return before;
  }

  it('has no more entries read for it than it takes, holds nobody up, and gets all of them in the end', async () => {
    const [, a, sent] = await filled();
    const request = get(`${a.url}/stores/items/entries`, { headers: { accept: 'application/x-ndjson' } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    expect(await settled(sent)).toBeLessThan(IN_FLIGHT_MAX_BYTES);
    expect((await a.fetch('/stores/items/count')).json).toEqual({ count: COUNT });
    const lines = (await text(response)).trim().split('\n');
    expect(lines).toHaveLength(COUNT + 1);
    expect(JSON.parse(lines.at(-1)!)).toEqual({ end: true });
  });

  it('has no more of a feed read for it than it takes, and misses none of what changes meanwhile', async () => {
    const [cluster, a, sent] = await filled();
    const feed = await EventFeed.open(`${a.url}/stores/items/changes`);
    apps.onRelease(() => feed.close());
    feed.response.pause();
    expect(await settled(sent)).toBeLessThan(IN_FLIGHT_MAX_BYTES);
    const changes: [string, Item | null][] = [
      ['k1', { n: -1 }],
      ['k2', null],
      ['new', { n: -2 }],
    ];
    await cluster.put(changes);
    await cluster.processed();
    expect((await a.fetch('/stores/items/entries/new')).json).toEqual({ n: -2 });
    feed.response.resume();
    const model = new Map<string, Item | null>([...entries(), ...changes]);
    model.delete('k2');
    await expect.poll(() => feed.state.get('new'), { timeout: 30_000, interval: 100 }).toEqual({ n: -2 });
    await expect.poll(() => feed.state.has('k2')).toBe(false);
    await expect.poll(() => feed.state.size).toBe(model.size);
    expect(feed.state).toEqual(model);
  });
});
