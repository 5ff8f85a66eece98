import type { Server } from 'node:http';
import { expect, it } from 'vitest';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import { PeerCalls } from '../../libs/streams/src/nest/peer-calls.js';
import { StreamsHost } from '../../libs/streams/src/nest/streams-host.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { PEER_SECRET, QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const apps = new StreamsApps();

it('asks a static member that came back within its session at the address where it is now', async () => {
  const cluster = await QueryCluster.open(apps);
  const group = { sessionTimeout: 4000, heartbeatInterval: 100 };
  const peers = { secret: PEER_SECRET, heartbeatInterval: 100 };
  const doomed = cluster.broker.client('doomed');
  const log = new WireLog({ kind: 'embedded', wires: doomed.wires, clock: new SystemClock() });
  const a = await cluster.start({ instanceId: 'a', options: { group, peers } });
  const b = await cluster.start({
    instanceId: 'b',
    options: { group, peers },
    prepare: (nest) => void Object.assign(nest.get(StreamsHost), { log: Promise.resolve(log) }),
  });
  await cluster.balanced(a, b);
  await cluster.put(Array.from({ length: 40 }, (_, n): [string, Item] => [`k${n}`, { n }]));
  await cluster.processed();
  const key = cluster.keyOf(b);
  expect((await a.fetch(`/stores/items/entries/${key}`)).status).toBe(200);

  // b is killed: it calls nobody and answers nobody any more.
  doomed.halt();
  await b.get(PeerCalls).network!.close();
  const server = b.nest.getHttpServer() as Server;
  server.closeAllConnections();
  server.close();

  // And comes back elsewhere, within its session: no rebalance.
  const again = await cluster.start({ instanceId: 'b', options: { group, peers } });
  await expect
    .poll(() => again.host.tasks().filter(({ state }) => state === 'running').length, { timeout: 10_000 })
    .toBe(2);
  expect((await again.fetch(`/stores/items/entries/${key}`)).status).toBe(200);
  const seen = async (): Promise<object> => {
    const { status } = await a.fetch(`/stores/items/entries/${key}`);
    const { json } = await a.fetch(`/stores/items/metadata?key=${key}`);
    return { status, url: (json as { active: { url: string } }).active.url };
  };
  await expect.poll(seen, { timeout: 10_000 }).toEqual({ status: 200, url: again.url });
}, 40_000);
