import { QueryError } from '../../problem/query-error.js';

const RETRY_S = 1;

/** The problem of a request that finds no place on this instance. */
export function overloaded(what: string, whose = ''): QueryError {
  return new QueryError('overloaded', `Too many ${what} are under way on this instance${whose}.`, {
    members: { retryAfterS: RETRY_S },
    retryAfterS: RETRY_S,
  });
}
