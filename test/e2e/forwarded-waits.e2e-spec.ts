import { afterEach, expect, it, vi } from 'vitest';
import { PeerClient } from '../../libs/streams/src/query/peers/peer-client.js';
import { ReadableWaits } from '../../libs/streams/src/query/reads/readable-waits.js';
import { QueryCluster } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const apps = new StreamsApps();
afterEach(() => vi.restoreAllMocks());

it.each(['fastify', 'express'] as const)(
  'a wait at another instance ends with the client of the first, on %s',
  async (adapter) => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll({ instanceId: 'a', adapter }, { instanceId: 'b', adapter });
    const key = cluster.keyOf(b);
    const waits = vi.spyOn(ReadableWaits.prototype, 'until');
    const calls = vi.spyOn(PeerClient.prototype, 'call');
    const client = new AbortController();
    const asked = fetch(`${a.url}/stores/items/entries/${key}`, {
      headers: { prefer: 'wait=60', 'streams-min-position': `items:${cluster.partitionOf(key)}:100000` },
      signal: client.signal,
    });
    await vi.waitFor(() => expect(waits).toHaveBeenCalled());
    const [wait] = waits.mock.results;
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect(wait.value).rejects.toThrow('The calling instance has gone away.');
    const reader = calls.mock.calls.find(([operation]) => operation === 'get')?.[5];
    expect(reader?.client).toEqual(expect.stringMatching(/^127\.0\.0\.1$|\/64$/));
  },
);
