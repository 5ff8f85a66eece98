import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { resolvePartitioner, type PartitionerName } from './named-partitioners.js';

interface PartitionsOfKeys {
  readonly partitionCount: number;
  readonly partitions: Readonly<Record<string, readonly number[]>>;
}

/** The answers of a real client: scripts/librdkafka-partitions.py writes them. */
const librdkafka = JSON.parse(readFileSync(new URL('testing/librdkafka-partitions.json', import.meta.url), 'utf8')) as {
  readonly keys: readonly string[];
  readonly written: PartitionsOfKeys;
  readonly computed: readonly PartitionsOfKeys[];
};
const keys = librdkafka.keys.map((hex) => Buffer.from(hex, 'hex'));
const names = Object.keys(librdkafka.computed[0]!.partitions) as PartitionerName[];

function partitionsOf(name: PartitionerName, partitionCount: number): number[] {
  return keys.map((key) => resolvePartitioner(name)(key, partitionCount));
}

describe('a named partitioner', () => {
  it.each(names)('%s puts keys where a producer on librdkafka wrote them', (name) => {
    const { partitionCount, partitions } = librdkafka.written;
    expect(partitionsOf(name, partitionCount)).toEqual(partitions[name]);
    expect(new Set(partitions[name]).size).toBe(partitionCount);
  });

  it.each(names)('%s answers what librdkafka answers for any number of partitions', (name) => {
    expect(librdkafka.computed.length).toBeGreaterThan(3);
    for (const { partitionCount, partitions } of librdkafka.computed)
      expect(partitionsOf(name, partitionCount), String(partitionCount)).toEqual(partitions[name]);
  });

  it('consistent_random is what a producer on librdkafka does unless it is configured otherwise', () => {
    const { partitionCount, partitions } = librdkafka.written;
    expect(partitionsOf('consistent_random', partitionCount)).toEqual(partitions.default);
  });

  it('gives empty keys a partition of their own', () => {
    expect(names.map((name) => resolvePartitioner(name)(Buffer.alloc(0), 7))).toEqual([2, 2, 0, 0, 2, 2]);
  });

  it('is a function of the user as it is', () => {
    const own = (): number => 3;
    expect(resolvePartitioner(own)).toBe(own);
  });

  it('is refused where keys would have no partition of their own, or where nobody knows its name', () => {
    expect(() => resolvePartitioner('random' as never)).toThrow(/topic that is partitioned by key/);
    expect(() => resolvePartitioner('murmur3' as never)).toThrow(/Unknown partitioner "murmur3"/);
  });
});
