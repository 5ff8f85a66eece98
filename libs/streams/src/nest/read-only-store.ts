import type { FreshnessRequest } from '../query/position/freshness-request.js';
import { QueryError } from '../query/problem/query-error.js';
import type { ScanQuery } from '../query/scan/store-scans.js';
import type { ScanRequest, StreamsQueryService } from '../query/streams-query.service.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import type { StoreDefinition } from '../topology/store-definition.js';

/** One page of a scan. */
export interface ReadOnlyPage<K, V> {
  readonly items: readonly { readonly key: K; readonly value: V }[];
  /** Absent on the last page. */
  readonly next?: string;
}

/**
 * The entries of a store wherever they are, for code outside tasks; `@InjectReadOnlyStore` injects it. What other instances hold is asked of them,
 * if `peers` is configured. Rejects with `QueryError` when nobody answers, or when a scan cannot see every partition.
 */
export class ReadOnlyStore<K, V> {
  constructor(
    private readonly runtime: Pick<StreamsRuntime, 'topology'>,
    private readonly queries: StreamsQueryService,
    private readonly name: string,
  ) {}

  async get(key: K, freshness?: FreshnessRequest): Promise<V | undefined> {
    const serde = this.definition.key;
    try {
      const { definition, value } = await this.queries.getBytes(this.name, serde.serialize(key), freshness);
      return definition.value.deserialize(value) as V;
    } catch (error) {
      if (error instanceof QueryError && error.code === 'STREAMS_QUERY_KEY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** In the order of the keys, `MAX_LOOKUP_KEYS` at most; undefined where there is no entry. */
  async getMany(keys: readonly K[], freshness?: FreshnessRequest): Promise<(V | undefined)[]> {
    const { key: serde } = this.definition;
    const { definition, values } = await this.queries.lookup(
      this.name,
      keys.map((key) => serde.serialize(key)),
      freshness,
    );
    return values.map((value) => (value === undefined ? undefined : (definition.value.deserialize(value) as V)));
  }

  async count(request?: ScanQuery & FreshnessRequest): Promise<number> {
    return (await this.queries.count(this.name, request)).count;
  }

  /** Entries in the byte order of their keys, a page at a time; bounds are the text forms that the REST endpoint takes. */
  async page(request: ScanRequest = {}): Promise<ReadOnlyPage<K, V>> {
    const { items, next } = await this.queries.list(this.name, request);
    return { items: items as ReadOnlyPage<K, V>['items'], ...(next === undefined ? {} : { next }) };
  }

  /** Every entry of the scan. */
  async *entries(request: Omit<ScanRequest, 'cursor'> = {}): AsyncGenerator<readonly [K, V]> {
    for (let cursor: string | undefined; ;) {
      const { items, next } = await this.page({ ...request, ...(cursor === undefined ? {} : { cursor }) });
      for (const { key, value } of items) yield [key, value];
      if (next === undefined) return;
      cursor = next;
    }
  }

  private get definition(): StoreDefinition {
    const definition = this.runtime.topology.stores.find(({ name }) => name === this.name);
    if (definition !== undefined) return definition;
    throw new QueryError('store-not-found', `The store "${this.name}" is in no topology.`);
  }
}
