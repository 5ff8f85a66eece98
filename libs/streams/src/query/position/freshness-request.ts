import type { Topology } from '../../topology/topology.js';
import { QueryError } from '../problem/query-error.js';
import type { Isolation, ReadBounds } from '../reads/partition-reads.js';
import { LATEST_COMMITTED } from '../reads/partition-reads.js';
import { PositionToken } from './position-token.js';

/** How fresh the answer to a whole request has to be. */
export interface FreshnessRequest {
  /** Default `committed`. */
  readonly isolation?: Isolation;
  /** The answer shows at least this, which has to have to do with the store. */
  readonly position?: PositionToken;
  /** What the caller has seen of stores and topics: as `position`, but what has nothing to do with the store does not count. */
  readonly seen?: PositionToken;
  /** The answer may be so old, so copies may give it. Absent: only owners do. */
  readonly maxStalenessMs?: number;
  /** How long to wait for partitions that move or restore, and for `position`. Default 0; half a second for partitions that move between instances. */
  readonly waitMs?: number;
  /** Ends the request with the reason of the abort; for requests that wait, scan, count or look up several keys. */
  readonly signal?: AbortSignal;
  /** Who asked. One client has a part of the calls of another instance at most. Default: the application itself, without that limit. */
  readonly client?: string;
}

/** What a request asks of each partition of a store. @throws QueryError `invalid-parameter` for a token that has nothing to do with the store. */
export function boundsOf(
  topology: Topology,
  store: string,
  { isolation = 'committed', position: asked, seen, maxStalenessMs, waitMs = 0, signal, client }: FreshnessRequest,
): (partition: number) => ReadBounds {
  const position = asked && seen ? PositionToken.merge([asked, seen]) : (asked ?? seen);
  const isPlain = isolation === 'committed' && position === undefined && maxStalenessMs === undefined && waitMs === 0;
  if (isPlain && signal === undefined && client === undefined) return () => LATEST_COMMITTED;
  const common: ReadBounds = {
    isolation,
    waitMs,
    ...(maxStalenessMs !== undefined && { maxStalenessMs }),
    ...(signal !== undefined && { signal }),
    ...(client !== undefined && { client }),
  };
  if (position === undefined) return () => common;
  const sub = topology.subTopologies.find(({ stores }) => stores.some(({ name }) => name === store));
  const topics = [...new Set(sub?.sources.map(({ topic }) => topic))];
  if (asked !== undefined && !asked.names({ store }) && !topics.some((topic) => asked.names({ topic }))) {
    const text = `The position names neither the store "${store}" nor a topic that feeds it.`;
    throw new QueryError('invalid-parameter', text, { members: { parameter: 'position', store } });
  }
  return (partition) => {
    const sources = topics.flatMap((topic) => {
      const offset = position.topic(topic, partition);
      return offset === undefined ? [] : [{ topic, offset }];
    });
    const at = position.store(store, partition);
    return { ...common, ...(at !== undefined && { position: at }), ...(sources.length > 0 && { sources }) };
  };
}
