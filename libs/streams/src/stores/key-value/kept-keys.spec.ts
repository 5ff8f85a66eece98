import { describe, expect, it } from 'vitest';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { StoreEngine } from '../store-engine.js';
import { WriteBackBuffer } from './write-back-buffer.js';

/** Counts how often a key is serialised. */
function counting<K>(serde: Serde<K>): { readonly serde: Serde<K>; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const serialize = (key: K): Uint8Array => {
    const bytes = serde.serialize(key);
    const name = Buffer.from(bytes).toString();
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return bytes;
  };
  return { serde: { ...serde, serialize }, counts };
}

function bufferOver<K>(key: Serde<K>): WriteBackBuffer<K, number> {
  const engine = { getMany: async (keys: readonly unknown[]) => keys.map(() => undefined) } as unknown as StoreEngine;
  return new WriteBackBuffer<K, number>({ key, value: json<number>(), engine, freezeValues: false });
}

async function commit(buffer: WriteBackBuffer<never, number>): Promise<string[]> {
  const prepared = await buffer.prepareCommit(() => undefined);
  buffer.applied(prepared);
  return prepared.writes.keys.map((key) => Buffer.from(key).toString());
}

describe('the bytes of a buffered key', () => {
  it('are dropped after its first commit, kept once it comes again, and counted then', async () => {
    const { serde, counts } = counting(stringSerde);
    const buffer = bufferOver(serde);
    const weights: number[] = [];
    const serialised: (number | undefined)[] = [];
    const kept: boolean[] = [];
    for (let round = 1; round <= 4; round++) {
      buffer.put('a', round);
      expect(await commit(buffer as never)).toEqual(['a']);
      weights.push(buffer.bufferedBytes);
      serialised.push(counts.get('a'));
      kept.push(buffer.find('a')?.keyBytes !== undefined);
    }
    expect(kept).toEqual([false, true, true, true]);
    expect(serialised).toEqual([1, 2, 2, 2]);
    expect(weights[1]).toBeGreaterThan(weights[0]!);
    expect(weights[3]).toBe(weights[1]);
  });

  it('are serialised once for a key that is loaded and changed once', async () => {
    const { serde, counts } = counting(stringSerde);
    const buffer = bufferOver(serde);
    const pins: NonNullable<ReturnType<typeof buffer.find>>[] = [];
    await buffer.prefetch(['a', 'b'], pins);
    for (const key of ['a', 'b']) buffer.put(key, 1);
    for (const pin of pins) buffer.release(pin);
    await commit(buffer as never);
    expect([...counts.values()]).toEqual([1, 1]);
    expect(buffer.find('a')?.keyBytes).toBeUndefined();
  });

  it('stay those of the key that was put, where the key is an object that changes', async () => {
    const buffer = bufferOver(json<{ id: string }>());
    const key = { id: 'a' };
    buffer.put(key, 1);
    await commit(buffer as never);
    key.id = 'b';
    buffer.put({ id: 'a' }, 2);
    expect(await commit(buffer as never)).toEqual(['{"id":"a"}']);
  });
});
