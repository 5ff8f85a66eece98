import { describe, expect, it } from 'vitest';
import { resolvePartitioner } from '../log/named-partitioners.js';
import { partitionForKey } from '../log/partitioner.js';
import { int32Serde } from '../serdes/binary-serdes.js';
import type { Serde } from '../serdes/serde.js';
import { json, stringSerde } from '../serdes/text-serdes.js';
import { storePartitioning } from './store-partitioning.js';

const strings = stringSerde as Serde<unknown>;

describe('the partitioning of a store', () => {
  it('is that of the key without options', () => {
    expect(storePartitioning({}, strings)).toEqual({});
  });

  it('follows the part of the key that partitionBy names, by the partitioner of the topic', () => {
    const partitionBy = (key: string): string => key.split(':')[0];
    const key = Buffer.from('acc-7:2024-01-01');
    const part = Buffer.from('acc-7');
    expect(storePartitioning({ partitionBy }, strings).partitioner?.(key, 12)).toBe(partitionForKey(part, 12));
    const { partitioner } = storePartitioning({ partitionBy, partitioner: 'consistent_random' }, strings);
    expect(partitioner?.(key, 12)).toBe(resolvePartitioner('consistent')(part, 12));
  });

  it('takes text as UTF-8, bytes as they are, and anything else as a key of the store', () => {
    const key = json<{ account: number }>() as Serde<unknown>;
    const bytes = key.serialize({ account: 7 });
    const place = (partitionBy: (value: { account: number }) => unknown): number | undefined =>
      storePartitioning({ partitionBy }, key).partitioner?.(bytes, 1000);
    expect(place(({ account }) => int32Serde.serialize(account))).toBe(partitionForKey(int32Serde.serialize(7), 1000));
    expect(place(({ account }) => `acc-${account}`)).toBe(partitionForKey(Buffer.from('acc-7'), 1000));
    expect(place(({ account }) => account)).toBe(partitionForKey(Buffer.from('7'), 1000));
  });

  it('refuses what contradicts itself, or is misspelt', () => {
    const partitionBy = (key: string): string => key;
    expect(() => storePartitioning({ lookup: 'every-partition', partitionBy }, strings)).toThrow(
      /does not go together/,
    );
    expect(() => storePartitioning({ lookup: 'all' as never }, strings)).toThrow(/the only value/);
    expect(() => storePartitioning({ partitionBy: 'account' as never }, strings)).toThrow(/must be a function/);
    expect(() => storePartitioning({ partitioner: 'random' as never }, strings)).toThrow(/random/);
  });
});
