import type { QueryableStore } from '../runtime/instance-status.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import { isReadable, locatePartition, type MissingPartition } from './reads/locate-partition.js';

export interface StoreSummary {
  readonly name: string;
  readonly kind: StoreDefinition['kind'];
  /** Names of the serdes. */
  readonly key: string;
  readonly value: string;
  /** Media type of a single value. */
  readonly contentType: string;
  readonly engine: string;
  /** Absent until the instance has started. */
  readonly partitionCount?: number;
}

export type PartitionDescription =
  { readonly partition: number; readonly reason: 'readable'; readonly position: number } | MissingPartition;

export interface StoreDescription extends StoreSummary {
  /** An estimate of the entries in the partitions that this instance holds. */
  readonly approximateLocalEntries?: number;
  /** `reason` is `readable` for those that this instance answers for. */
  readonly partitions: readonly PartitionDescription[];
}

export function summarise(definition: StoreDefinition, store: QueryableStore | undefined): StoreSummary {
  const { name, kind, key, value, engine } = definition;
  return {
    name,
    kind,
    key: key.name,
    value: value.name,
    contentType: value.contentType ?? 'application/json',
    engine,
    ...(store && { partitionCount: store.partitionCount }),
  };
}

export async function describe(
  definition: StoreDefinition,
  store: QueryableStore | undefined,
  /** False: no partition is readable. */
  isServing: boolean,
): Promise<StoreDescription> {
  const partitions = Array.from({ length: store?.partitionCount ?? 0 }, (_, partition) =>
    describePartition(store as QueryableStore, partition, isServing),
  );
  const isHere = partitions.some(({ reason }) => reason === 'readable');
  // Stores may close meanwhile, and an estimate is not worth a failed answer.
  const entries = isHere ? await store?.approximateEntries().catch(() => undefined) : undefined;
  return {
    ...summarise(definition, store),
    ...(entries !== undefined && { approximateLocalEntries: entries }),
    partitions,
  };
}

function describePartition(store: QueryableStore, partition: number, isServing: boolean): PartitionDescription {
  const located = locatePartition(store, partition);
  if (!isReadable(located)) return located;
  if (!isServing) return { partition, reason: 'unassigned' };
  return { partition, reason: 'readable', position: located.local.position ?? 0 };
}
