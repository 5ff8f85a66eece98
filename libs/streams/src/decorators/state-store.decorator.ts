import type { KeyPartitioner, PartitionerName } from '../log/named-partitioners.js';
import type { SerdeName } from '../serdes/resolve-serde.js';
import type { Serde } from '../serdes/serde.js';
import type { KeyValueStore } from '../stores/key-value/key-value-store.js';

export const STATE_STORE_METADATA = 'nestjs-streams:state-store';

/** How a store is kept and shown. */
export interface StateStoreOptions<K = unknown, V = unknown> {
  /** Part of the changelog's name, of URLs and of metrics; it must stay the same for as long as the state is to live. */
  readonly name: string;
  readonly key: Serde<K> | SerdeName;
  readonly value: Serde<V> | SerdeName;
  /** Name of an engine: `rocksdb`, `memory`, or a registered one. Default: `defaultEngine` of `forRoot`. */
  readonly engine?: string;
  /**
   * How the topics that feed the store are partitioned: a name as librdkafka has it, or a function that gives the partition, from 0, of a serialised
   * key. Default `murmur2`, as Java clients write; clients on librdkafka (Python, Go, .NET) write with `consistent_random` by default.
   */
  readonly partitioner?: PartitionerName | KeyPartitioner;
  /**
   * The part of a key that decides its partition, where it is not the whole key: `(key) => key.split(':')[0]` for keys `account:day` over a topic
   * keyed by account. Text is taken as UTF-8 and bytes as they are; anything else is serialised as a key of the store is.
   */
  readonly partitionBy?: (key: K) => unknown;
  /**
   * `every-partition`: a key may be in any partition. Each partition keeps an entry of its own, and a query for a key asks all of them; one that
   * several partitions hold is refused with a 409. Not with `partitioner` or `partitionBy`.
   */
  readonly lookup?: 'every-partition';
  /** Serve the store over REST: to everybody whom the guards of the class let through (`@UseGuards`), or as the options say. Default false. */
  readonly query?: boolean | StoreQueryOptions<K, V>;
  /** `false`: no changelog, so the store lives as long as its engine's data. An object: extra topic configuration in the broker's own names. */
  readonly changelog?: boolean | Readonly<Record<string, string>>;
  /** Stores of higher priority are restored first. Default 0. */
  readonly restorePriority?: number;
}

/** Who asks for what. */
export interface StoreAccess<K = unknown> {
  /** Express' or Fastify's. */
  readonly request: unknown;
  readonly store: string;
  readonly kind: 'get' | 'lookup' | 'scan' | 'count' | 'changes';
  readonly key: K;
}

/** How a store is shown over REST. */
export interface StoreQueryOptions<K = unknown, V = unknown> {
  /** Whether the caller may see the entry of a key. A single entry is a 403 then; pages, counts and feeds leave it out. */
  readonly authorize?: (access: StoreAccess<K>) => boolean | Promise<boolean>;
  /** What the caller sees of a value: a DTO, without what is nobody's business. */
  readonly map?: (value: V, access: StoreAccess<K>) => unknown;
  /** Class that describes the values in the OpenAPI document, by the decorators of `@nestjs/swagger`. */
  readonly dto?: abstract new (...args: never[]) => unknown;
}

/** A class that `@StateStore` marks: a `KeyValueStore`, made without arguments. */
export type StateStoreClass = new () => KeyValueStore<unknown, unknown>;

/**
 * Names a key-value store. The class is its injection token: a stream processor that injects it gets the partition of its own task.
 *
 * ```ts
 * @StateStore({ name: 'balances', key: 'string', value: json<Balance>(), query: true })
 * export class Balances extends KeyValueStore<string, Balance> {}
 * ```
 */
export function StateStore<K, V>(
  options: StateStoreOptions<K, V>,
): <C extends new () => KeyValueStore<unknown, unknown>>(target: C) => void {
  return (target) => Reflect.defineMetadata(STATE_STORE_METADATA, options, target);
}

/** @returns undefined for a class without `@StateStore` of its own. */
export function stateStoreOptionsOf(target: unknown): StateStoreOptions | undefined {
  if (typeof target !== 'function') return undefined;
  return Reflect.getOwnMetadata(STATE_STORE_METADATA, target) as StateStoreOptions | undefined;
}
