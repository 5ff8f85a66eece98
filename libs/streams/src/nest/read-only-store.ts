import { distinctKeys } from '../query/distinct-keys.js';
import type { FreshnessRequest } from '../query/position/freshness-request.js';
import { PositionToken } from '../query/position/position-token.js';
import type { UnreadPartition } from '../query/problem/missing-problem.js';
import { QueryError } from '../query/problem/query-error.js';
import type { CountQuery, ScanQuery } from '../query/scan/store-scans.js';
import type { ScanRequest, StreamsQueryService } from '../query/streams-query.service.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import type { StoreDefinition } from '../topology/store-definition.js';

/** One page of a scan. */
export interface ReadOnlyPage<K, V> {
  readonly items: readonly { readonly key: K; readonly value: V }[];
  /** Absent on the last page. */
  readonly next?: string;
  /** Partitions that the page lacks; present only with `allowsPartial`, and only if there are any. */
  readonly unreachable?: readonly UnreadPartition[];
}

/** As `FreshnessRequest`; positions may be text, as `RecordProducer.send` returns them. */
export interface ReadOnlyFreshness extends Omit<FreshnessRequest, 'position' | 'seen'> {
  readonly position?: PositionToken | string;
  readonly seen?: PositionToken | string;
}

export type ReadOnlyScan = Omit<ScanRequest, keyof FreshnessRequest> & ReadOnlyFreshness;

export interface ReadOnlyGaps {
  /** Receives the partitions that are missing in the answer; required by `allowsPartial`. May be called once for each page. */
  readonly onUnreachable?: (partitions: readonly UnreadPartition[]) => void;
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

  async get(key: K, freshness?: ReadOnlyFreshness): Promise<V | undefined> {
    const serde = this.definition.key;
    try {
      const { definition, value } = await this.queries.getBytes(this.name, serde.serialize(key), withTokens(freshness));
      return definition.value.deserialize(value) as V;
    } catch (error) {
      if (error instanceof QueryError && error.code === 'STREAMS_QUERY_KEY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /**
   * In the order of the keys, `MAX_LOOKUP_KEYS` at most; undefined where there is no entry. Equal keys get the same value.
   * @throws QueryError `answer-too-large` if the values have more than 16 MiB together
   */
  async getMany(keys: readonly K[], freshness?: ReadOnlyFreshness): Promise<(V | undefined)[]> {
    const { key: serde } = this.definition;
    const { distinct, places } = distinctKeys(keys.map((key) => serde.serialize(key)));
    const { definition, values } = await this.queries.lookup(this.name, distinct, withTokens(freshness));
    const found = values.map((value) => (value === undefined ? undefined : (definition.value.deserialize(value) as V)));
    return places.map((place) => found[place]);
  }

  /** @throws QueryError `invalid-parameter` for `allowsPartial` without `onUnreachable` */
  async count({ onUnreachable, ...request }: CountQuery & ReadOnlyFreshness & ReadOnlyGaps = {}): Promise<number> {
    checkGapsAreReported(request, onUnreachable);
    const { count, unreachable } = await this.queries.count(this.name, withTokens(request));
    if (unreachable.length > 0) onUnreachable?.(unreachable);
    return count;
  }

  /** Entries in the byte order of their keys, a page at a time; bounds are the text forms that the REST endpoint takes. */
  async page(request: ReadOnlyScan = {}): Promise<ReadOnlyPage<K, V>> {
    const { items, next, unreachable } = await this.queries.list(this.name, withTokens(request));
    return {
      items: items as ReadOnlyPage<K, V>['items'],
      ...(next === undefined ? {} : { next }),
      ...(unreachable.length > 0 && { unreachable }),
    };
  }

  /** Every entry of the scan. @throws QueryError `invalid-parameter` for `allowsPartial` without `onUnreachable` */
  async *entries({ onUnreachable, ...request }: Omit<ReadOnlyScan, 'cursor'> & ReadOnlyGaps = {}): AsyncGenerator<
    readonly [K, V]
  > {
    checkGapsAreReported(request, onUnreachable);
    for (let cursor: string | undefined; ;) {
      const page = await this.page({ ...request, ...(cursor === undefined ? {} : { cursor }) });
      const { items, next, unreachable } = page;
      if (unreachable !== undefined) onUnreachable?.(unreachable);
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

function withTokens<T extends ReadOnlyFreshness>(
  request: T = {} as T,
): Omit<T, 'position' | 'seen'> & Pick<FreshnessRequest, 'position' | 'seen'> {
  const { position, seen, ...others } = request;
  return {
    ...others,
    ...(position !== undefined && { position: tokenOf(position, 'position') }),
    ...(seen !== undefined && { seen: tokenOf(seen, 'seen') }),
  };
}

function tokenOf(position: PositionToken | string, parameter: string): PositionToken {
  const token = typeof position === 'string' ? PositionToken.parse(position) : position;
  if (token !== undefined) return token;
  throw new QueryError('invalid-parameter', `"${parameter}" is not a position: "${String(position).slice(0, 100)}".`, {
    members: { parameter },
  });
}

function checkGapsAreReported({ allowsPartial }: ScanQuery, onUnreachable: unknown): void {
  if (allowsPartial !== true || onUnreachable !== undefined) return;
  const text = '"allowsPartial" needs "onUnreachable", which receives the partitions that are missing.';
  throw new QueryError('invalid-parameter', text, { members: { parameter: 'onUnreachable' } });
}
