import { StoreCorruptedError } from '../errors/store-corrupted-error.js';
import type { QueryableStore } from '../runtime/instance-status.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import { isReadable, locatePartition, type MissingPartition, type ReadablePartition } from './locate-partition.js';
import { missingPartition, missingPartitions } from './problem/missing-problem.js';
import { QueryError } from './problem/query-error.js';
import { readKey } from './read-key.js';
import { readRange, type KeyRange, type ScanOrder } from './scan/key-range.js';
import { PageCursors } from './scan/page-cursor.js';
import { scanPartitions } from './scan/scan-partitions.js';
import { describe, summarise, type StoreDescription, type StoreSummary } from './store-description.js';

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 1000;
const RETRY_NOT_RUNNING_S = 5;
const RETRY_MOVING_S = 2;
/** Reads that met a moving partition are repeated this often. */
const MAX_ATTEMPTS = 3;

export interface StoreQueriesOptions {
  /** Signs cursors. Default: random, so that cursors end with the process. */
  readonly cursorSecret?: string | Uint8Array;
  /** Also read stores that are not queryable; for code inside the process. Default false. */
  readonly includesPrivate?: boolean;
}

export interface ScanRequest extends KeyRange {
  readonly order?: ScanOrder;
  /** 1 or more; at most `MAX_PAGE_LIMIT` are answered. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** One committed entry, its value as stored. */
export interface EntryAnswer {
  readonly definition: StoreDefinition;
  readonly value: Uint8Array;
  readonly partition: number;
  /** The value shows at least the changelog records before this offset. */
  readonly position: number;
}

export interface EntryPage {
  readonly items: readonly { readonly key: unknown; readonly value: unknown }[];
  /** Absent on the last page, and only there. */
  readonly next?: string;
  /** Changelog position of each partition, as in `EntryAnswer`. */
  readonly positions: readonly number[];
}

/**
 * Reads of the queryable stores of one instance: committed entries of the partitions that it holds. Everything else rejects with a
 * `QueryError`; a store that is not queryable is as unknown as one that does not exist.
 */
export class StoreQueries {
  private readonly cursors: PageCursors;

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly options: StoreQueriesOptions = {},
  ) {
    this.cursors = new PageCursors(options.cursorSecret);
  }

  /** Whether there is a queryable store of this name. */
  has(name: string): boolean {
    return this.runtime.topology.stores.some((store) => store.name === name && store.isQueryable);
  }

  /** Sorted by name. */
  describeStores(): StoreSummary[] {
    return this.runtime.topology.stores
      .filter(({ isQueryable }) => isQueryable)
      .map((definition) => summarise(definition, this.runtime.queryableStore(definition.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async describeStore(name: string): Promise<StoreDescription> {
    return describe(this.definitionOf(name), this.runtime.queryableStore(name));
  }

  /** @param keyText as the key serde's `parseKey` reads it. */
  async get(name: string, keyText: string): Promise<EntryAnswer> {
    const definition = this.definitionOf(name);
    return this.getEntry(definition, readKey(definition, keyText));
  }

  /** @param key serialised. */
  getBytes(name: string, key: Uint8Array): Promise<EntryAnswer> {
    return this.getEntry(this.definitionOf(name), key);
  }

  private async getEntry(definition: StoreDefinition, key: Uint8Array): Promise<EntryAnswer> {
    const { name } = definition;
    const { partition, position, value } = await this.readSettled(
      () => [this.located(definition, (store) => locatePartition(store, store.partitionOf(key)))],
      async ([from]) => ({ ...from, value: await from.view.get(key) }),
    );
    if (value === undefined) {
      throw new QueryError('key-not-found', `The store "${name}" has no entry for this key.`, {
        members: { store: name, partition, position },
      });
    }
    return { definition, value, partition, position };
  }

  async list(name: string, request: ScanRequest = {}): Promise<EntryPage> {
    const definition = this.definitionOf(name);
    const { order = 'asc' } = request;
    const limit = Math.min(request.limit ?? DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT);
    const bounds = readRange(definition, request);
    const scope = { store: name, order, bounds };
    const after = request.cursor === undefined ? undefined : this.cursors.read(request.cursor, scope);
    const { entries, hasMore, positions } = await this.readSettled(
      () => this.locatedAll(definition),
      async (partitions) => ({
        ...(await scanPartitions(partitions, { bounds, order, limit, ...(after && { after }) })),
        positions: partitions.map(({ position }) => position),
      }),
    );
    const last = entries.at(-1);
    return {
      items: entries.map(({ key, value }) => ({
        key: definition.key.deserialize(key),
        value: definition.value.deserialize(value),
      })),
      ...(hasMore && last && { next: this.cursors.write(last, scope) }),
      positions,
    };
  }

  private definitionOf(name: string): StoreDefinition {
    const definition = this.runtime.topology.stores.find((store) => store.name === name);
    if (definition && (definition.isQueryable || this.options.includesPrivate)) return definition;
    throw new QueryError('store-not-found', 'There is no queryable store of this name.');
  }

  private located(
    { name }: StoreDefinition,
    locate: (store: QueryableStore) => ReadablePartition | MissingPartition,
  ): ReadablePartition {
    const located = locate(this.serving(name));
    if (isReadable(located)) return located;
    throw this.leaving() ?? missingPartition(name, located);
  }

  private locatedAll({ name }: StoreDefinition): ReadablePartition[] {
    const store = this.serving(name);
    const located = Array.from({ length: store.partitionCount }, (_, partition) => locatePartition(store, partition));
    const readable: ReadablePartition[] = [];
    const missing: MissingPartition[] = [];
    for (const partition of located) {
      if (isReadable(partition)) readable.push(partition);
      else missing.push(partition);
    }
    if (missing.length === 0) return readable;
    throw this.leaving() ?? missingPartitions(name, missing, located.length);
  }

  private serving(name: string): QueryableStore {
    const { state } = this.runtime;
    const store = this.runtime.queryableStore(name);
    // A stopping instance still reads what it holds until its stores close.
    if (store && (state === 'running' || state === 'rebalancing' || state === 'stopping')) return store;
    throw this.notRunning();
  }

  private leaving(): QueryError | undefined {
    return this.runtime.state === 'stopping' ? this.notRunning() : undefined;
  }

  private notRunning(): QueryError {
    const { state, instanceId } = this.runtime;
    return new QueryError('not-running', `The instance "${instanceId}" is ${state} and does not answer this query.`, {
      members: { state, retryAfterS: RETRY_NOT_RUNNING_S },
      retryAfterS: RETRY_NOT_RUNNING_S,
    });
  }

  /**
   * Reads, and reads again if a partition was closed or moved meanwhile: an engine that closes under a read may look empty, so neither
   * the answer nor the error of such a read counts.
   */
  private async readSettled<T>(
    locate: () => ReadablePartition[],
    read: (partitions: readonly ReadablePartition[]) => Promise<T>,
  ): Promise<T> {
    let partitions = locate();
    for (let attempt = 1; ; attempt++) {
      const [outcome] = await Promise.allSettled([read(partitions)]);
      const now = locate();
      if (now.every(({ view }, i) => view === partitions[i].view)) {
        if (outcome.status === 'rejected')
          throw outcome.reason instanceof StoreCorruptedError ? damaged(outcome.reason) : outcome.reason;
        return outcome.value;
      }
      if (attempt === MAX_ATTEMPTS) throw moving();
      partitions = now;
    }
  }
}

/** The runtime wipes and restores the store by now. */
function damaged({ store }: StoreCorruptedError): QueryError {
  return new QueryError('restoring', `The store "${store}" is damaged; it is wiped and restored.`, {
    members: { store, retryAfterS: RETRY_MOVING_S },
    retryAfterS: RETRY_MOVING_S,
  });
}

function moving(): QueryError {
  return new QueryError('unassigned', 'Partitions of the store moved during each of several attempts to read them.', {
    members: { retryAfterS: RETRY_MOVING_S },
    retryAfterS: RETRY_MOVING_S,
  });
}
