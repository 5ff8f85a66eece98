import { QueryError } from '../query/problem/query-error.js';
import { StoreQueries, type ScanRequest } from '../query/store-queries.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';

/** One page of a scan. */
export interface ReadOnlyPage<K, V> {
  readonly items: readonly { readonly key: K; readonly value: V }[];
  /** Absent on the last page. */
  readonly next?: string;
}

/**
 * The committed entries of a store that this instance holds, for code outside tasks; `@InjectReadOnlyStore` injects it. Rejects with
 * `QueryError` when an entry lives elsewhere, restores, or when a scan cannot see every partition.
 */
export class ReadOnlyStore<K, V> {
  private readonly queries: StoreQueries;

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly name: string,
  ) {
    this.queries = new StoreQueries(runtime, { includesPrivate: true });
  }

  async get(key: K): Promise<V | undefined> {
    const serde = this.runtime.topology.stores.find(({ name }) => name === this.name)?.key;
    if (serde === undefined) throw new QueryError('store-not-found', `The store "${this.name}" is in no topology.`);
    try {
      const { definition, value } = await this.queries.getBytes(this.name, serde.serialize(key));
      return definition.value.deserialize(value) as V;
    } catch (error) {
      if (error instanceof QueryError && error.code === 'STREAMS_QUERY_KEY_NOT_FOUND') return undefined;
      throw error;
    }
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
}
