/** The codes of problems that a query can end in; part of `ERROR_CODES`. */
export const QUERY_ERROR_CODES = {
  STREAMS_QUERY_STORE_NOT_FOUND: {
    family: 'query',
    meaning: 'There is no queryable store of this name.',
    fix: 'Check the name against `GET /stores`; only stores with `query: true` are served.',
  },
  STREAMS_QUERY_KEY_NOT_FOUND: {
    family: 'query',
    meaning: 'The store has no entry for this key.',
    fix: 'Nothing: the key was never written, or it was deleted.',
  },
  STREAMS_QUERY_KEY_AMBIGUOUS: {
    family: 'query',
    meaning: 'Several partitions of a store with `lookup: "every-partition"` have an entry for this key.',
    fix: 'Read all of them with a scan from the key to the key.',
  },
  STREAMS_QUERY_INVALID_KEY: {
    family: 'query',
    meaning: 'The key is not the text form of a key of this store.',
    fix: 'Write it as the key serde does, and percent-encode it.',
  },
  STREAMS_QUERY_KEY_TOO_LONG: {
    family: 'query',
    meaning: 'The serialised key has more than 65,536 bytes.',
    fix: 'Use shorter keys.',
  },
  STREAMS_QUERY_INVALID_PARAMETER: {
    family: 'query',
    meaning: 'A query parameter cannot be read, stands twice, or does not go with another.',
    fix: 'Correct the parameter that `detail` names.',
  },
  STREAMS_QUERY_UNKNOWN_PARAMETER: {
    family: 'query',
    meaning: 'A query parameter is not known here.',
    fix: 'Use those listed in `knownParameters`.',
  },
  STREAMS_QUERY_INVALID_CURSOR: {
    family: 'query',
    meaning: 'The cursor was not issued by this application for this store, range and order.',
    fix: 'Start again without a cursor.',
  },
  STREAMS_QUERY_NOT_OWNER: {
    family: 'query',
    meaning: 'Another instance owns the partition of this key.',
    fix: 'Ask the instance that `owner` names, or set `peers.secret`: then any instance answers.',
  },
  STREAMS_QUERY_RESTORING: {
    family: 'query',
    meaning: 'The partition is here, but its store is being restored.',
    fix: 'Ask again after `Retry-After`.',
  },
  STREAMS_QUERY_UNASSIGNED: {
    family: 'query',
    meaning: 'No instance that is known owns the partition, as during a rebalance.',
    fix: 'Ask again after `Retry-After`.',
  },
  STREAMS_QUERY_INCOMPLETE: {
    family: 'query',
    meaning: 'A scan needs every partition of the store, and some cannot be read at the moment.',
    fix: 'Look at `missing`: ask again after `Retry-After`, or take what there is with `partial=allow`.',
  },
  STREAMS_QUERY_NOT_RUNNING: {
    family: 'query',
    meaning: 'This instance is starting, stopping or failed.',
    fix: 'Ask again after `Retry-After`, or another instance.',
  },
  STREAMS_QUERY_TOO_STALE: {
    family: 'query',
    meaning: 'Every copy that could answer is older than the request allows.',
    fix: 'Allow more staleness, or ask again after `Retry-After`.',
  },
  STREAMS_QUERY_POSITION_NOT_REACHED: {
    family: 'query',
    meaning: 'The partition has not reached the position that the request names.',
    fix: 'Ask again after `Retry-After`, or let the server wait: `Prefer: wait=<seconds>`.',
  },
  STREAMS_QUERY_CURSOR_EXPIRED: {
    family: 'query',
    meaning: 'The cursor belongs to a store that had another number of partitions.',
    fix: 'Start again without a cursor.',
  },
  STREAMS_QUERY_FEED_GONE: {
    family: 'query',
    meaning: 'The changelog no longer tells all changes since the position of `Last-Event-ID`.',
    fix: 'Start the feed again without `Last-Event-ID`: it begins with all entries.',
  },
  STREAMS_QUERY_FEED_UNAVAILABLE: {
    family: 'query',
    meaning: 'The store has no changelog, and a feed is read from there.',
    fix: 'Give the store a changelog, or page through its entries.',
  },
  STREAMS_QUERY_FORBIDDEN: {
    family: 'query',
    meaning: 'The `authorize` hook of the store refused the request.',
    fix: 'Ask with the rights that the application demands.',
  },
  STREAMS_QUERY_INVALID_BODY: {
    family: 'query',
    meaning: 'The body of the request is not what the endpoint takes.',
    fix: 'Send what `detail` describes.',
  },
  STREAMS_QUERY_BODY_TOO_LARGE: {
    family: 'query',
    meaning: 'The request names more keys, or has more bytes, than the endpoint takes.',
    fix: 'Send several smaller requests.',
  },
  STREAMS_QUERY_ANSWER_TOO_LARGE: {
    family: 'query',
    meaning: 'The values of a look-up have more bytes together than one answer carries.',
    fix: 'Look up fewer keys at a time.',
  },
  STREAMS_QUERY_OVERLOADED: {
    family: 'query',
    meaning: 'More requests are under way or wait on this instance than `query` allows.',
    fix: 'Ask again after `Retry-After`, at a lower rate.',
  },
  STREAMS_QUERY_PEER_UNAUTHENTICATED: {
    family: 'query',
    meaning: 'A call between instances carries no valid signature, or an old one.',
    fix: 'Give all instances the same `peers.secret`, and keep their clocks within 30 seconds.',
  },
  STREAMS_QUERY_PEER_UNREACHABLE: {
    family: 'query',
    meaning: 'The instance that holds the partition did not answer, or answered what is no answer.',
    fix: 'Ask again after `Retry-After`; if it stays, check `advertisedUrl` of the instance that `hostsTried` names.',
  },
  STREAMS_QUERY_PEER_TIMEOUT: {
    family: 'query',
    meaning: 'The instance that holds the partition did not answer within `peers.timeout`.',
    fix: 'Ask again after `Retry-After`; if it stays, look at the load of the instance that `hostsTried` names.',
  },
  STREAMS_QUERY_FAILED: {
    family: 'query',
    meaning: 'A query failed for a reason inside the instance.',
    fix: 'Read the log of the instance.',
  },
} as const;
