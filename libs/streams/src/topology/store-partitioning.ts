import { ConfigurationError } from '../errors/configuration-error.js';
import { resolvePartitioner, type KeyPartitioner, type PartitionerName } from '../log/named-partitioners.js';
import { partitionForKey } from '../log/partitioner.js';
import type { Serde } from '../serdes/serde.js';
import type { StoreDefinition } from './store-definition.js';

export interface StorePartitioningOptions {
  readonly partitioner?: PartitionerName | KeyPartitioner;
  readonly partitionBy?: (key: never) => unknown;
  readonly lookup?: 'every-partition';
}

/**
 * Where the keys of a store are, of serialised keys, so that tasks, queries and peers agree.
 * @throws ConfigurationError
 */
export function storePartitioning(
  { partitioner, partitionBy, lookup }: StorePartitioningOptions,
  key: Serde<unknown>,
): Pick<StoreDefinition, 'partitioner' | 'lookup'> {
  if (lookup !== undefined) {
    if (lookup !== 'every-partition')
      throw new ConfigurationError([`"lookup" is "${String(lookup)}"; the only value is "every-partition".`]);
    if (partitioner !== undefined || partitionBy !== undefined)
      throw new ConfigurationError([
        '"lookup" does not go together with "partitioner" or "partitionBy": where the partition of a key is known, only that one is asked.',
      ]);
    return { lookup };
  }
  if (partitionBy !== undefined && typeof partitionBy !== 'function')
    throw new ConfigurationError([
      '"partitionBy" must be a function from a key to the part that decides its partition.',
    ]);
  const byBytes = partitioner === undefined ? undefined : resolvePartitioner(partitioner);
  if (partitionBy === undefined) return byBytes === undefined ? {} : { partitioner: byBytes };
  const choose = byBytes ?? partitionForKey;
  return {
    partitioner: (bytes, partitionCount) =>
      choose(partBytes(partitionBy(key.deserialize(bytes) as never), key), partitionCount),
  };
}

function partBytes(part: unknown, key: Serde<unknown>): Uint8Array {
  if (part instanceof Uint8Array) return part;
  return typeof part === 'string' ? Buffer.from(part, 'utf8') : key.serialize(part);
}
