import { PROBLEM_TYPES } from '../problem/problem-types.js';
import { SCAN_PARAMETERS } from './stores-controller.js';

export { PROBLEM_TYPES };

export interface QueryEndpoint {
  readonly method: 'GET';
  /** Under the default path of `storesController`. */
  readonly path: string;
  readonly summary: string;
  /** Names of query parameters; any other is a 400. */
  readonly parameters: readonly string[];
  readonly statuses: readonly number[];
}

/** Every route that queries have; `docs/reference/endpoints.md` and the controller are compared with this table by a test. */
export const QUERY_ENDPOINTS: readonly QueryEndpoint[] = Object.freeze([
  { method: 'GET', path: '/stores', summary: 'Lists the queryable stores.', parameters: [], statuses: [200, 400] },
  {
    method: 'GET',
    path: '/stores/:store',
    summary: 'Describes a store and where its partitions are.',
    parameters: [],
    statuses: [200, 400, 404],
  },
  {
    method: 'GET',
    path: '/stores/:store/entries/:key',
    summary: 'Answers the value of a key, as stored.',
    parameters: [],
    statuses: [200, 400, 404, 414, 421, 500, 503],
  },
  {
    method: 'GET',
    path: '/stores/:store/entries',
    summary: 'Pages through entries in the order of their keys.',
    parameters: SCAN_PARAMETERS,
    statuses: [200, 400, 404, 414, 500, 503],
  },
]);
