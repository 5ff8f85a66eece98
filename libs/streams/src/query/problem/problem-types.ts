import { ERROR_CODES, type StreamsErrorCode } from '../../errors/error-codes.js';

interface ProblemDefinition {
  readonly code: StreamsErrorCode & `STREAMS_QUERY_${string}`;
  readonly status: number;
  readonly title: string;
}

const definitions = {
  'store-not-found': { code: 'STREAMS_QUERY_STORE_NOT_FOUND', status: 404, title: 'Store not found' },
  'key-not-found': { code: 'STREAMS_QUERY_KEY_NOT_FOUND', status: 404, title: 'Key not found' },
  'invalid-key': { code: 'STREAMS_QUERY_INVALID_KEY', status: 400, title: 'Invalid key' },
  'key-ambiguous': { code: 'STREAMS_QUERY_KEY_AMBIGUOUS', status: 409, title: 'Key is in several partitions' },
  'key-too-long': { code: 'STREAMS_QUERY_KEY_TOO_LONG', status: 414, title: 'Key too long' },
  'invalid-parameter': { code: 'STREAMS_QUERY_INVALID_PARAMETER', status: 400, title: 'Invalid parameter' },
  'unknown-parameter': { code: 'STREAMS_QUERY_UNKNOWN_PARAMETER', status: 400, title: 'Unknown parameter' },
  'invalid-cursor': { code: 'STREAMS_QUERY_INVALID_CURSOR', status: 400, title: 'Invalid cursor' },
  'not-owner': { code: 'STREAMS_QUERY_NOT_OWNER', status: 421, title: 'Partition is elsewhere' },
  restoring: { code: 'STREAMS_QUERY_RESTORING', status: 503, title: 'Store is restoring' },
  unassigned: { code: 'STREAMS_QUERY_UNASSIGNED', status: 503, title: 'Partition has no owner' },
  incomplete: { code: 'STREAMS_QUERY_INCOMPLETE', status: 503, title: 'Partitions are missing' },
  'not-running': { code: 'STREAMS_QUERY_NOT_RUNNING', status: 503, title: 'Instance is not running' },
  'too-stale': { code: 'STREAMS_QUERY_TOO_STALE', status: 503, title: 'Answer would be too old' },
  'position-not-reached': {
    code: 'STREAMS_QUERY_POSITION_NOT_REACHED',
    status: 503,
    title: 'Position is not reached yet',
  },
  'cursor-expired': { code: 'STREAMS_QUERY_CURSOR_EXPIRED', status: 410, title: 'Cursor has expired' },
  'feed-gone': { code: 'STREAMS_QUERY_FEED_GONE', status: 410, title: 'Position is gone' },
  'feed-unavailable': { code: 'STREAMS_QUERY_FEED_UNAVAILABLE', status: 400, title: 'Store has no change feed' },
  forbidden: { code: 'STREAMS_QUERY_FORBIDDEN', status: 403, title: 'Access is denied' },
  'invalid-body': { code: 'STREAMS_QUERY_INVALID_BODY', status: 400, title: 'Invalid body' },
  'body-too-large': { code: 'STREAMS_QUERY_BODY_TOO_LARGE', status: 413, title: 'Body too large' },
  'answer-too-large': { code: 'STREAMS_QUERY_ANSWER_TOO_LARGE', status: 413, title: 'Answer too large' },
  overloaded: { code: 'STREAMS_QUERY_OVERLOADED', status: 429, title: 'Too many requests' },
  'peer-unauthenticated': {
    code: 'STREAMS_QUERY_PEER_UNAUTHENTICATED',
    status: 401,
    title: 'Peer is not authenticated',
  },
  'peer-unreachable': { code: 'STREAMS_QUERY_PEER_UNREACHABLE', status: 502, title: 'Instance cannot be reached' },
  'peer-timeout': { code: 'STREAMS_QUERY_PEER_TIMEOUT', status: 504, title: 'Instance did not answer in time' },
  failed: { code: 'STREAMS_QUERY_FAILED', status: 500, title: 'Query failed' },
} as const satisfies Record<string, ProblemDefinition>;

export type ProblemName = keyof typeof definitions;

/** One kind of problem that a query can end in. */
export interface ProblemType extends ProblemDefinition {
  readonly name: ProblemName;
  /** The stable `type` of the problem document: an identifier, not an address. */
  readonly type: string;
  readonly meaning: string;
}

/** Every kind of problem; `docs/reference/endpoints.md` is compared with this table by a test. */
export const PROBLEM_TYPES: readonly ProblemType[] = Object.freeze(
  (Object.keys(definitions) as ProblemName[]).map((name) =>
    Object.freeze({
      ...definitions[name],
      name,
      type: `urn:nestjs-streams:problem:${name}`,
      meaning: ERROR_CODES[definitions[name].code].meaning,
    }),
  ),
);

const byName = new Map(PROBLEM_TYPES.map((problem) => [problem.name, problem]));

/** @returns undefined for a name that this release does not know. */
export function knownProblem(name: string): ProblemName | undefined {
  return byName.get(name as ProblemName)?.name;
}

export function problemType(name: ProblemName): ProblemType {
  return byName.get(name) as ProblemType;
}
