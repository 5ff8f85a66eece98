import { describe, expect, it } from 'vitest';
import type { StoreAccessError } from '../../errors/store-access-error.js';
import { partitionForKey } from '../../log/partitioner.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { storeDefinition } from '../../query/testing/fake-runtime.js';
import { MemoryEngine } from '../engines/memory/memory-engine.js';
import { createStateStore } from '../state-store-factory.js';
import { keyPlace } from './key-place.js';
import type { KeyValueStore } from './key-value-store.js';

const definition = storeDefinition('counts', stringSerde, json<number>());
const placeOf = (key: string): number => partitionForKey(Buffer.from(key), 4);
const own = 'acc-1';
const foreign = Array.from({ length: 20 }, (_, i) => `acc-${i}`).find((key) => placeOf(key) !== placeOf(own))!;

function world(
  onMisplaced?: (error: StoreAccessError) => void,
  options: Parameters<typeof storeDefinition>[3] = {},
): KeyValueStore<string, number> {
  const own4 = { ...definition, ...options };
  const place = keyPlace({ definition: own4, partition: placeOf(own), partitionCount: 4, onMisplaced });
  return createStateStore(own4, new MemoryEngine(), { freezeValues: onMisplaced === undefined, place })
    .facade as KeyValueStore<string, number>;
}

describe('a key that belongs to another partition', () => {
  it('is refused by every put, with what to do, and may be deleted', async () => {
    const store = world();
    const refused = expect.objectContaining({
      code: 'STREAMS_STORE_KEY_PARTITION',
      message: expect.stringMatching(/"partitionBy".*"partitioner".*"every-partition"/),
    });
    expect(() => store.put(foreign, 1)).toThrow(refused);
    expect(() => store.putAll([[foreign, 1]])).toThrow(refused);
    await expect(Promise.resolve(store.putIfAbsent(foreign, 1))).rejects.toEqual(refused);
    store.put(own, 1);
    expect(store.get(own)).toBe(1);
    expect(await store.delete(foreign)).toBeUndefined();
  });

  it('is reported, from a sample, where it must not cost anything', () => {
    const errors: StoreAccessError[] = [];
    const store = world((error) => errors.push(error));
    for (let i = 0; i < 1025; i++) store.put(foreign, i);
    expect(errors.map(({ store: name }) => name)).toEqual(['counts', 'counts']);
    expect(store.get(foreign)).toBe(1024);
  });

  it('does not exist in a store that looks in every partition', () => {
    const store = world(undefined, { lookup: 'every-partition' });
    store.put(foreign, 1);
    expect(store.get(foreign)).toBe(1);
  });
});
