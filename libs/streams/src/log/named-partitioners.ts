import { crc32 } from 'node:zlib';
import { ConfigurationError } from '../errors/configuration-error.js';
import { partitionForKey } from './partitioner.js';

/**
 * Built-in partitioners, by the names that librdkafka gives them (`partitioner` in its configuration). The `_random` forms differ only for
 * records without a key, and `consistent_random` for empty keys. `murmur2` is the default of Java clients, `consistent_random` that of
 * librdkafka: Python, Go, .NET, Ruby and PHP.
 */
export type PartitionerName =
  'murmur2' | 'murmur2_random' | 'consistent' | 'consistent_random' | 'fnv1a' | 'fnv1a_random';

/** Names the partition, from 0, of a serialised key. */
export type KeyPartitioner = (key: Uint8Array, partitionCount: number) => number;

const partitioners: Readonly<Record<PartitionerName, KeyPartitioner>> = Object.freeze({
  murmur2: partitionForKey,
  murmur2_random: partitionForKey,
  consistent: byCrc32,
  consistent_random: byCrc32,
  fnv1a: byFnv1a,
  fnv1a_random: byFnv1a,
});

/** @throws ConfigurationError for an unknown name, and for `random`, which sends equal keys to different partitions. */
export function resolvePartitioner(partitioner: PartitionerName | KeyPartitioner): KeyPartitioner {
  if (typeof partitioner === 'function') return partitioner;
  if (Object.hasOwn(partitioners, partitioner)) return partitioners[partitioner];
  if ((partitioner as string) === 'random')
    throw new ConfigurationError([
      `The partitioner "random" writes records of one key to different partitions, so no partition has the whole state of a key. Copy the records to a topic that is partitioned by key.`,
    ]);
  const names = Object.keys(partitioners).join(', ');
  throw new ConfigurationError([
    `Unknown partitioner "${String(partitioner)}". Use one of ${names}, or a function of the key's bytes and the partition count.`,
  ]);
}

function byCrc32(key: Uint8Array, partitionCount: number): number {
  return crc32(key) % partitionCount;
}

/** FNV-1a of 32 bits, signed and without its sign, as librdkafka and Sarama compute it. */
function byFnv1a(key: Uint8Array, partitionCount: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, 0x01000193);
  return Math.abs(hash) % partitionCount;
}
