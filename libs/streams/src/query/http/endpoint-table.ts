import { PROBLEM_TYPES } from '../problem/problem-types.js';
import {
  COUNT_PARAMETERS,
  ENTRY_PARAMETERS,
  FEED_PARAMETERS,
  METADATA_PARAMETERS,
  SCAN_PARAMETERS,
} from './request/read-request.js';

export { PROBLEM_TYPES };

export interface QueryEndpoint {
  readonly method: 'GET' | 'POST';
  /** Under the default path of `storesController`. */
  readonly path: string;
  readonly summary: string;
  /** Names of query parameters; any other is a 400. */
  readonly parameters: readonly string[];
  readonly statuses: readonly number[];
}

/** Of requests that one partition or several have to answer. */
const READ = [200, 400, 401, 403, 404, 429, 500, 502, 503, 504];

/** Every route that queries have; `docs/reference/endpoints.md` and the controller are compared with this table by a test. */
export const QUERY_ENDPOINTS: readonly QueryEndpoint[] = Object.freeze([
  { method: 'GET', path: '/stores', summary: 'Lists the queryable stores.', parameters: [], statuses: [200, 400, 429] },
  {
    method: 'GET',
    path: '/stores/:store',
    summary: 'Describes a store, and what of it is on this instance.',
    parameters: [],
    statuses: [200, 400, 401, 403, 404, 429],
  },
  {
    method: 'GET',
    path: '/stores/:store/metadata',
    summary: 'Tells who holds each partition, or that of a key.',
    parameters: METADATA_PARAMETERS,
    statuses: [200, 400, 401, 403, 404, 414, 429, 503],
  },
  {
    method: 'GET',
    path: '/stores/:store/entries/:key',
    summary: 'Answers the value of a key, as stored.',
    parameters: ENTRY_PARAMETERS,
    statuses: statuses(304, 409, 414, 421),
  },
  {
    method: 'POST',
    path: '/stores/:store/lookup',
    summary: 'Answers the values of up to 1,000 keys.',
    parameters: ENTRY_PARAMETERS,
    statuses: statuses(409, 413, 414, 421),
  },
  {
    method: 'GET',
    path: '/stores/:store/entries',
    summary: 'Pages through entries in the order of their keys, or streams all of them as NDJSON.',
    parameters: SCAN_PARAMETERS,
    statuses: statuses(410, 414),
  },
  {
    method: 'GET',
    path: '/stores/:store/count',
    summary: 'Counts entries.',
    parameters: COUNT_PARAMETERS,
    statuses: statuses(414),
  },
  {
    method: 'GET',
    path: '/stores/:store/changes',
    summary: 'Sends all entries, then every change, as server-sent events.',
    parameters: FEED_PARAMETERS,
    statuses: statuses(410, 414),
  },
  {
    method: 'GET',
    path: '/stores/:store/entries/:key/changes',
    summary: 'Sends the entry of a key, then every change of it, as server-sent events.',
    parameters: FEED_PARAMETERS,
    statuses: statuses(410, 414, 421),
  },
]);

function statuses(...further: readonly number[]): readonly number[] {
  return [...READ, ...further].sort((a, b) => a - b);
}
