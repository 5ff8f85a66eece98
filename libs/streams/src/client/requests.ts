/** How fresh an answer has to be, as in the reference of the endpoints. */
export interface ReadOptions {
  /** What a `Streams-Position` held, or what a producer was told. */
  readonly position?: string;
  /** Copies that are no older may answer: `'5s'`, `'500ms'`. */
  readonly staleness?: string;
  readonly isolation?: 'committed' | 'uncommitted';
  /** Seconds to wait for a position, and for partitions that move or restore. */
  readonly waitS?: number;
  /** Members of the values that are wanted. */
  readonly fields?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Keys in the form that they have in URLs, unless `K` is text. */
export interface RangeOptions<K> {
  readonly from?: K;
  readonly to?: K;
  /** In the form that keys have in URLs. */
  readonly prefix?: string;
  /** Conditions on the value, such as `balance>=100`. */
  readonly where?: string | readonly string[];
}

export interface ScanOptions<K> extends RangeOptions<K>, ReadOptions {
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  /** Take what can be read, and let the page name what cannot. */
  readonly allowsPartial?: boolean;
}

/** A partition that a partial answer lacks. */
export interface UnreachablePartition {
  readonly partition: number;
  /** The name of a problem, such as `restoring`. */
  readonly reason: string;
}

/** How an answer that is not a page reports what it lacks. */
export interface GapOptions {
  /** Take what can be read. */
  readonly allowsPartial?: boolean;
  /** Receives the partitions that are missing; required by `allowsPartial`. Called once for each answer that lacks some. */
  readonly onUnreachable?: (partitions: readonly UnreachablePartition[]) => void;
}

export interface EntriesOptions<K> extends ScanOptions<K>, GapOptions {}

export interface CountOptions<K> extends RangeOptions<K>, ReadOptions, GapOptions {
  /** An estimate of the whole store is enough; not together with a range or conditions. */
  readonly isApproximate?: boolean;
}

/** @throws TypeError if entries could be missing without anything that reports them */
export function checkGapsAreReported({ allowsPartial, onUnreachable }: GapOptions): void {
  if (allowsPartial !== true || onUnreachable !== undefined) return;
  throw new TypeError('"allowsPartial" needs "onUnreachable", which receives the partitions that are missing.');
}

export function readHeaders({ waitS }: ReadOptions, position: string): Record<string, string> {
  return {
    ...(waitS !== undefined && { prefer: `wait=${waitS}` }),
    ...(position !== '' && { 'streams-min-position': position }),
  };
}

/** @param formatKey the text of a key in URLs. */
export function queryOf<K>(
  options: ScanOptions<K> & CountOptions<K> & { readonly cursor?: string },
  formatKey: (key: K) => string,
): string {
  const { from, to, prefix, where, staleness, isolation, fields, order, limit, allowsPartial, cursor } = options;
  const { isApproximate } = options;
  const query = new URLSearchParams();
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) query.append(name, String(value));
  };
  set('from', from === undefined ? undefined : formatKey(from));
  set('to', to === undefined ? undefined : formatKey(to));
  set('prefix', prefix);
  for (const condition of [where ?? []].flat()) set('where', condition);
  set('staleness', staleness);
  set('isolation', isolation);
  set('fields', fields?.join(','));
  set('order', order);
  set('limit', limit);
  set('partial', allowsPartial === true ? 'allow' : undefined);
  set('approximate', isApproximate === true ? 'true' : undefined);
  set('cursor', cursor);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** Text as it is, numbers and booleans as they are written. @throws TypeError for other keys, which need `formatKey`. */
export function defaultKeyFormat(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key);
  throw new TypeError('Keys of this kind need "formatKey": the text that the key serde of the store reads in URLs.');
}
