import { describe, expect, it } from 'vitest';
import { PositionToken } from '../../libs/streams/src/query/position/position-token.js';
import { itemStore, QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const entries = (count: number): [string, Item][] => Array.from({ length: count }, (_, n) => [`k${n}`, { n }]);

describe('a query', () => {
  const apps = new StreamsApps();
  const copies = (app: StreamsApp): number =>
    app.host.queryableStores()[0].partitionCount === 0
      ? 0
      : [0, 1, 2, 3].filter(
          (partition) => app.host.queryableStores()[0].standby(partition)?.copy?.stalenessMs !== undefined,
        ).length;

  it('reads what a client wrote, at any instance, by the position of the record', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    for (let round = 0; round < 20; round++) {
      const key = `own${round}`;
      const partition = cluster.partitionOf(key);
      await cluster.put([[key, { n: round }]]);
      const [{ offset }] = await cluster.log.admin.endOffsets([{ topic: 'in', partition }], 'read_uncommitted');
      const token = PositionToken.ofTopic('in', partition, offset).toString();
      const asked = round % 2 === 0 ? a : b;
      const response = await fetch(`${asked.url}/stores/items/entries/${key}`, {
        headers: { 'Streams-Min-Position': token, Prefer: 'wait=10' },
      });
      expect(await response.json()).toEqual({ n: round });
    }
  });

  it('reads at least the effects of the record that told of it', async () => {
    const cluster = await QueryCluster.open(apps);
    await cluster.log.admin.createTopics([{ name: 'out', partitions: 1 }]);
    const [a] = await cluster.startAll({ instanceId: 'a', sendTo: 'out', options: { commitInterval: 5 } });
    const token = await a.send('in', { key: 'k1', value: { n: 1 } });
    expect(token).toBe(`in@${cluster.partitionOf('k1')}:1`);
    const [told] = await a.recordsOnce('out', 1);
    expect(told.headers['streams-position']).toBe(token);
    const response = await fetch(`${a.url}/stores/items/entries/k1`, {
      headers: { 'Streams-Min-Position': token, Prefer: 'wait=10' },
    });
    expect(await response.json()).toEqual({ n: 1 });
  });

  it('is refused where a position is not reached, and is not satisfied by another partition', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a] = await cluster.startAll('a');
    await cluster.put(entries(20));
    await cluster.processed();
    const partition = cluster.partitionOf('k1');
    const other = (partition + 1) % 4;
    const ask = (position: string, wait = '0'): Promise<Response> =>
      fetch(`${a.url}/stores/items/entries/k1?position=${position}`, { headers: { Prefer: `wait=${wait}` } });
    const far = await ask(`in@${partition}:100000`);
    expect(far.status).toBe(503);
    expect(far.headers.get('retry-after')).toBe('1');
    expect(await far.json()).toMatchObject({ code: 'STREAMS_QUERY_POSITION_NOT_REACHED', partition });
    expect((await ask(`items:${partition}:100000`)).status).toBe(503);
    // The other partition is far ahead of what is asked of it, which says nothing of this one.
    expect((await ask(`in@${partition}:100000,in@${other}:0`)).status).toBe(503);
    expect((await ask(`in@${other}:100000`)).status).toBe(200);
    expect((await ask('elsewhere@0:1')).status).toBe(400);
    expect((await ask('nonsense')).status).toBe(400);
    // A header of an answer may be sent back as it came.
    const token = (await ask(`in@${partition}:0`)).headers.get('streams-position')!;
    expect((await ask(token)).status).toBe(200);
  });

  it('is answered by a copy if the request allows it to be old, and by none that is older', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put(entries(40));
    await cluster.processed();
    await expect.poll(() => [copies(a), copies(b)], { timeout: 20_000 }).toEqual([2, 2]);
    const key = cluster.keyOf(b);
    const fresh = await fetch(`${a.url}/stores/items/entries/${key}`);
    expect([fresh.headers.get('streams-role'), fresh.headers.get('streams-instance')]).toEqual(['active', 'b']);
    const old = await fetch(`${a.url}/stores/items/entries/${key}?staleness=1h`);
    expect([old.headers.get('streams-role'), old.headers.get('streams-instance')]).toEqual(['standby', 'a']);
    expect(Number(old.headers.get('streams-staleness'))).toBeGreaterThan(0);
    expect(old.headers.get('streams-lag')).toBe('0');
    expect(await old.json()).toEqual(await fresh.json());
    // No copy is so fresh, so the owner is asked.
    const strict = await fetch(`${a.url}/stores/items/entries/${key}?staleness=0ms`, { headers: { Prefer: 'wait=5' } });
    expect([strict.status, strict.headers.get('streams-role')]).toEqual([200, 'active']);
    const wrong = await fetch(`${a.url}/stores/items/entries/${key}?staleness=soon`);
    expect(wrong.status).toBe(400);
  });

  it('shows what is not committed to those who ask for it, and to nobody else', async () => {
    const cluster = await QueryCluster.open(apps, { store: itemStore() });
    const [a] = await cluster.startAll({
      instanceId: 'a',
      options: { commitInterval: '1h', transactionTimeout: '15m', processingGuarantee: 'at_least_once' },
    });
    await cluster.put([
      ['k1', { n: 1 }],
      ['k2', { n: 2 }],
    ]);
    const dirty = (path: string): Promise<{ readonly status: number; readonly json: unknown }> =>
      a.fetch(`/stores/items/${path}isolation=uncommitted`);
    await expect.poll(async () => (await dirty('entries/k2?')).status).toBe(200);
    expect((await dirty('entries/k1?')).json).toEqual({ n: 1 });
    expect((await a.fetch('/stores/items/entries/k1')).status).toBe(404);
    expect((await a.fetch('/stores/items/entries')).json).toEqual({ items: [] });
    expect((await dirty('entries?order=desc&')).json).toEqual({
      items: [
        { key: 'k2', value: { n: 2 } },
        { key: 'k1', value: { n: 1 } },
      ],
    });
    expect((await dirty('count?')).json).toEqual({ count: 2 });
  });

  it('is a 304 for who has the same value already', async () => {
    const cluster = await QueryCluster.open(apps);
    const [a, b] = await cluster.startAll('a', 'b');
    await cluster.put([['k1', { n: 1 }]]);
    await cluster.processed();
    const first = await fetch(`${a.url}/stores/items/entries/k1`);
    const tag = first.headers.get('etag')!;
    expect(tag).toMatch(/^"[\w-]+"$/);
    const again = await fetch(`${b.url}/stores/items/entries/k1`, { headers: { 'If-None-Match': `"x", ${tag}` } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag]);
    await cluster.put([['k1', { n: 2 }]]);
    await cluster.processed();
    const changed = await fetch(`${b.url}/stores/items/entries/k1`, { headers: { 'If-None-Match': tag } });
    expect([changed.status, await changed.json()]).toEqual([200, { n: 2 }]);
  });
});
