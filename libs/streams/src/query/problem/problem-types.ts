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
  'key-too-long': { code: 'STREAMS_QUERY_KEY_TOO_LONG', status: 414, title: 'Key too long' },
  'invalid-parameter': { code: 'STREAMS_QUERY_INVALID_PARAMETER', status: 400, title: 'Invalid parameter' },
  'unknown-parameter': { code: 'STREAMS_QUERY_UNKNOWN_PARAMETER', status: 400, title: 'Unknown parameter' },
  'invalid-cursor': { code: 'STREAMS_QUERY_INVALID_CURSOR', status: 400, title: 'Invalid cursor' },
  'not-owner': { code: 'STREAMS_QUERY_NOT_OWNER', status: 421, title: 'Partition is elsewhere' },
  restoring: { code: 'STREAMS_QUERY_RESTORING', status: 503, title: 'Store is restoring' },
  unassigned: { code: 'STREAMS_QUERY_UNASSIGNED', status: 503, title: 'Partition has no owner' },
  incomplete: { code: 'STREAMS_QUERY_INCOMPLETE', status: 503, title: 'Partitions are missing' },
  'not-running': { code: 'STREAMS_QUERY_NOT_RUNNING', status: 503, title: 'Instance is not running' },
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

export function problemType(name: ProblemName): ProblemType {
  return byName.get(name) as ProblemType;
}
