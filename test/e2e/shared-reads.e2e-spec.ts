import type { Type } from '@nestjs/common';
import { ReadOnlyStore, StreamsQueryService } from 'nestjs-streams';
import { afterEach, expect, it, vi } from 'vitest';
import { readOnlyStoreToken } from '../../libs/streams/src/decorators/inject-read-only-store.decorator.js';
import { PeerCalls } from '../../libs/streams/src/nest/peer-calls.js';
import { LocalReads } from '../../libs/streams/src/query/reads/local-reads.js';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const apps = new StreamsApps();
afterEach(() => vi.restoreAllMocks());

it('the readers of an application share its limits: equal counts of a service and a store are one reading', async () => {
  const cluster = await QueryCluster.open(apps);
  const [a] = await cluster.startAll('a');
  await cluster.put(Array.from({ length: 20 }, (_, n): [string, Item] => [`k${n}`, { n }]));
  await cluster.processed();
  const queries = a.get(StreamsQueryService);
  const store = a.get(readOnlyStoreToken(cluster.store) as unknown as Type<ReadOnlyStore<string, Item>>);
  const counted = vi.spyOn(LocalReads.prototype, 'count');
  const [{ count }, ofStore] = await Promise.all([queries.count('items'), store.count()]);
  expect([count, ofStore]).toEqual([20, 20]);
  expect(counted).toHaveBeenCalledTimes(cluster.partitions);
  expect(a.get(PeerCalls).reads.local).toBe(queries.local);
});
