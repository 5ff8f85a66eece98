import { describe, expect, it } from 'vitest';
import { StreamsQueryService } from '../query/streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../query/testing/fake-runtime.js';
import { stringSerde } from '../serdes/text-serdes.js';
import { ReadOnlyStore } from './read-only-store.js';

const elsewhere = { instanceId: 'there', url: 'http://there:3000', isLocal: false };

async function lackingPartition2(): Promise<{
  readonly entries: number;
  readonly store: ReadOnlyStore<string, string>;
}> {
  const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)]);
  const fake = runtime.store('s');
  let entries = 0;
  for (let n = 0; n < 20; n++) if ((await fake.put(`k${n}`, 'v')) !== 2) entries++;
  fake.set(2, undefined, elsewhere);
  return { entries, store: new ReadOnlyStore(runtime, new StreamsQueryService(runtime), 's') };
}

describe('a partial answer in code', () => {
  const missing = [expect.objectContaining({ partition: 2, reason: 'not-owner' })];

  it('names the partitions that a page lacks', async () => {
    const { entries, store } = await lackingPartition2();
    const { items, unreachable } = await store.page({ allowsPartial: true, limit: 100 });
    expect([items.length, unreachable]).toEqual([entries, missing]);
  });

  it('reports the gaps of a count and of an iteration', async () => {
    const { entries, store } = await lackingPartition2();
    const gaps: unknown[] = [];
    const request = { allowsPartial: true, onUnreachable: (partitions: unknown) => void gaps.push(partitions) };
    expect(await store.count(request)).toBe(entries);
    const seen: string[] = [];
    for await (const [key] of store.entries(request)) seen.push(key);
    expect(seen).toHaveLength(entries);
    expect(gaps).toEqual([missing, missing]);
  });

  it('is refused where nothing would report its gaps', async () => {
    const { store } = await lackingPartition2();
    const refused = expect.objectContaining({ code: 'STREAMS_QUERY_INVALID_PARAMETER' });
    await expect(store.count({ allowsPartial: true })).rejects.toEqual(refused);
    await expect(store.entries({ allowsPartial: true }).next()).rejects.toEqual(refused);
  });
});

describe('a look-up in code', () => {
  it('reads a key that it names often once, and refuses more bytes than an answer may have', async () => {
    let read = 0;
    const serde = {
      ...stringSerde,
      deserialize: (bytes: Uint8Array): string => {
        read++;
        return stringSerde.deserialize(bytes);
      },
    };
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, serde)], 1);
    const store = new ReadOnlyStore<string, string>(runtime, new StreamsQueryService(runtime), 's');
    const value = 'x'.repeat(100_000);
    for (let n = 0; n < 200; n++) await runtime.store('s').put(`k${n}`, value);
    const same = await store.getMany(Array.from({ length: 1000 }, (_, n) => (n % 2 === 0 ? 'k1' : 'none')));
    expect([same[0], same[1], same.length, read]).toEqual([value, undefined, 1000, 1]);
    const many = store.getMany(Array.from({ length: 200 }, (_, n) => `k${n}`));
    await expect(many).rejects.toMatchObject({ problem: { name: 'answer-too-large', status: 413 } });
    expect(read).toBe(1);
  });
});

describe('a position in code', () => {
  it('may be the text that a producer returns', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)]);
    const partition = await runtime.store('s').put('k', 'v');
    const store = new ReadOnlyStore<string, string>(runtime, new StreamsQueryService(runtime), 's');
    expect(await store.get('k', { position: `s:${partition}:${100 + partition}` })).toBe('v');
    await expect(store.get('k', { position: `s:${partition}:999` })).rejects.toMatchObject({
      code: 'STREAMS_QUERY_POSITION_NOT_REACHED',
    });
    await expect(store.get('k', { position: 'no position' })).rejects.toMatchObject({
      code: 'STREAMS_QUERY_INVALID_PARAMETER',
    });
  });
});
