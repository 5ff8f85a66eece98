import { successorOfPrefix } from '../../bytes/successor-of-prefix.js';
import { StoreAccessError } from '../../errors/store-access-error.js';
import type { KeyBounds } from '../store-engine.js';

/** Known now, or read from the engine; `await` is right for both, and costs no engine read for a buffered key. */
export type Awaitable<T> = T | Promise<T>;

/** Entries in the byte order of their serialised keys. Ends with the handler that opened it, or with its loop. */
export interface KeyValueIterator<K, V> extends AsyncIterableIterator<[K, V]> {
  /** Idempotent; leaving a `for await` loop does it. */
  close(): Promise<void>;
}

/** What stands behind the typed object; the runtime attaches it. */
export interface KeyValueBacking<K, V> {
  get(key: K): Awaitable<V | undefined>;
  getMany(keys: readonly K[]): Awaitable<(V | undefined)[]>;
  put(key: K, value: V): void;
  putIfAbsent(key: K, value: V): Awaitable<V | undefined>;
  delete(key: K): Awaitable<V | undefined>;
  scan(bounds: KeyBounds, reverse: boolean): KeyValueIterator<K, V>;
  keyBytes(key: K): Uint8Array;
  /** Both inclusive. @throws SerdeError */
  keyRange(from: K | undefined, to: K | undefined): KeyBounds;
  approximateNumEntries(): Promise<number>;
}

const BACKING = Symbol('nestjs-streams.store-backing');

interface Attached {
  [BACKING]?: KeyValueBacking<unknown, unknown>;
}

/** Joins a store object and what stands behind it. @internal */
export function attachStore(store: object, backing: KeyValueBacking<unknown, unknown>): void {
  (store as Attached)[BACKING] = backing;
}

/** Refuses every further call to a store object, with what `refusal` returns for it. @internal */
export function detachStore(store: object, refusal: (operation: string) => Error): void {
  const refuse = (operation: string) => (): never => {
    throw refusal(operation);
  };
  attachStore(store, new Proxy({} as KeyValueBacking<unknown, unknown>, { get: (_, name) => refuse(String(name)) }));
}

/**
 * One task's partition of a key-value store, as handlers see it. Extend it to name a store and to give it methods of your own.
 *
 * Reads see the handler's own writes at once. Writes become durable, and visible to queries, with the task's next commit. Values are immutable
 * by contract: put a new object in place of changing the one that `get` gave. Methods throw `StoreAccessError` outside a task.
 */
export class KeyValueStore<K, V> {
  get(key: K): Awaitable<V | undefined> {
    return backingOf<K, V>(this).get(key);
  }

  /** The values of `keys` in order, with at most one engine read. */
  getMany(keys: readonly K[]): Awaitable<(V | undefined)[]> {
    return backingOf<K, V>(this).getMany(keys);
  }

  /**
   * Sets the value of a key; `delete` removes it.
   * @throws SerdeError for undefined, null and promises, and for what the serdes refuse; with `freezeValues` also for what would come back as something
   * else, such as a Date in a `json` store
   */
  put(key: K, value: V): void {
    backingOf<K, V>(this).put(key, value);
  }

  /** Puts, as `put` does, unless there is a value; @returns the value that was there. */
  putIfAbsent(key: K, value: V): Awaitable<V | undefined> {
    return backingOf<K, V>(this).putIfAbsent(key, value);
  }

  /** Puts one entry after the other; those before a refused one are put. */
  putAll(entries: Iterable<readonly [K, V]>): void {
    const backing = backingOf<K, V>(this);
    for (const [key, value] of entries) backing.put(key, value);
  }

  /** Deletes at once, awaited or not. @returns the value that was there, which may have to be read. */
  delete(key: K): Awaitable<V | undefined> {
    return backingOf<K, V>(this).delete(key);
  }

  /**
   * Entries from `from` to `to`, both inclusive; an absent bound is open.
   * @throws SerdeError for numbers from below zero to zero or above, which are not next to each other in the order of bytes
   */
  range(from?: K, to?: K): KeyValueIterator<K, V> {
    return this.between(from, to, false);
  }

  reverseRange(from?: K, to?: K): KeyValueIterator<K, V> {
    return this.between(from, to, true);
  }

  /** Entries whose serialised key begins with the bytes of `prefix`. */
  prefixScan(prefix: K | Uint8Array): KeyValueIterator<K, V> {
    const backing = backingOf<K, V>(this);
    const gte = prefix instanceof Uint8Array ? prefix : backing.keyBytes(prefix);
    const lt = successorOfPrefix(gte);
    return backing.scan(lt ? { gte, lt } : { gte }, false);
  }

  all(): KeyValueIterator<K, V> {
    return backingOf<K, V>(this).scan({}, false);
  }

  reverseAll(): KeyValueIterator<K, V> {
    return backingOf<K, V>(this).scan({}, true);
  }

  /** Of the committed entries; an estimate of the engine. */
  approximateNumEntries(): Promise<number> {
    return backingOf<K, V>(this).approximateNumEntries();
  }

  private between(from: K | undefined, to: K | undefined, reverse: boolean): KeyValueIterator<K, V> {
    const backing = backingOf<K, V>(this);
    return backing.scan(backing.keyRange(from, to), reverse);
  }
}

function backingOf<K, V>(store: KeyValueStore<K, V>): KeyValueBacking<K, V> {
  const backing = (store as Attached)[BACKING];
  if (backing !== undefined) return backing as KeyValueBacking<K, V>;
  const name = store.constructor.name;
  throw new StoreAccessError(
    'STREAMS_STORE_OUTSIDE_TASK',
    name,
    `${name} is used where no task exists. Inject it into a stream processor, or read it elsewhere with @InjectReadOnlyStore(${name}).`,
  );
}
