import { beforeEach, describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition, type FakeStore } from '../testing/fake-runtime.js';

const elsewhere = { instanceId: 'there', url: 'http://there:3000', isLocal: false };
const problem = (name: string): unknown => expect.objectContaining({ problem: expect.objectContaining({ name }) });

describe('a scan', () => {
  let queries: StreamsQueryService;
  let store: FakeStore;

  beforeEach(() => {
    const runtime = new FakeRuntime([storeDefinition('balances', stringSerde, json<number>())]);
    queries = new StreamsQueryService(runtime);
    store = runtime.store('balances');
  });

  it('ends where a partition moves between two of its parts, and the next one says which is missing', async () => {
    for (let n = 0; n < 900; n++) await store.put(`k${String(n).padStart(4, '0')}`, n, 0);
    await store.put('z', 1, 1);
    let reads = 0;
    const move = (): void => {
      // Its first part, the ends of the three others, and the look for more behind it.
      if (++reads > 5) store.set(0, undefined, elsewhere);
    };
    store.beforeRead = move;
    const page = await queries.list('balances', { limit: 1000 });
    expect(page.items.length).toBeGreaterThan(0);
    expect(page.items.length).toBeLessThan(900);
    const rest = { limit: 1000, cursor: page.next };
    await expect(queries.list('balances', rest)).rejects.toEqual(problem('incomplete'));
    const partial = await queries.list('balances', { ...rest, allowsPartial: true });
    expect([partial.items, partial.unreachable.map(({ partition }) => partition)]).toEqual([
      [{ key: 'z', value: 1 }],
      [0],
    ]);
  });

  it('fails as incomplete if it is a stream whose partition moves on the way', async () => {
    for (let n = 0; n < 30_000; n++) await store.put(`k${String(n).padStart(5, '0')}`, n, 0);
    const { batches } = await queries.stream('balances');
    const reading = (async () => {
      for await (const batch of batches) if (batch.length > 0) store.set(0, undefined, elsewhere);
    })();
    await expect(reading).rejects.toEqual(problem('incomplete'));
  });
});
