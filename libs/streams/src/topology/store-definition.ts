import type { Serde } from '../serdes/serde.js';

/** A key-value store of the topology, backed by one changelog. */
export interface StoreDefinition {
  readonly name: string;
  readonly kind: 'key-value';
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
  /** Name of a registered `StoreEngineFactory`. */
  readonly engine: string;
  readonly changelog: ChangelogDefinition;
  /** The partition of a key, from 0. Absent: Kafka's default partitioner. It has to be that of the topics that feed the store. */
  readonly partitioner?: (key: Uint8Array, partitionCount: number) => number;
  /** Set: a key may be in any partition, or in several, a look-up asks all of them, and writes are not checked. */
  readonly lookup?: 'every-partition';
  /** Served over REST. */
  readonly isQueryable: boolean;
  /** Makes the typed object that user code sees; absent: a plain `KeyValueStore`. */
  readonly storeClass?: abstract new (...args: never[]) => unknown;
  /** Stores of higher priority are restored first. Default 0. */
  readonly restorePriority: number;
}

export interface ChangelogDefinition {
  /** False: the store lives as long as its engine's data and is not restored. */
  readonly isEnabled: boolean;
  /** Extra topic configuration, in the broker's own names. */
  readonly config: Readonly<Record<string, string>>;
}
