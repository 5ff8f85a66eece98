import type { StoreDefinition } from '../../topology/store-definition.js';
import { PROBLEM_TYPES, QUERY_ENDPOINTS, type QueryEndpoint } from '../http/endpoint-table.js';
import { freshnessHeaders, IF_NONE_MATCH, keyParameter, LAST_EVENT_ID, queryParameters } from './parameters.js';
import { jsonSchema, keyTextSchema, type Schema } from './schema.js';
import type { SharedReferences } from './shared-schemas.js';

type Content = Readonly<Record<string, { readonly schema: Schema }>>;
type Responses = Record<
  string,
  { readonly description: string; readonly headers?: object; readonly content?: Content }
>;

/** What is described of one endpoint; another store may wish for the same id. */
interface Operation {
  readonly operationId: string;
  readonly [member: string]: unknown;
}

/** Operations by their methods. */
export type PathItem = Record<string, Operation>;

/** A store to be described, and what its values look like. */
export interface DescribedStore {
  readonly definition: StoreDefinition;
  readonly valueSchema: Schema;
}

const header = (description: string, schema: Schema): object => ({ description, schema });

const READ_HEADERS = {
  'Streams-Instance': header('The instance that answered.', { type: 'string' }),
  'Streams-Partition': header('Of the key.', { type: 'integer' }),
  'Streams-Epoch': header('The generation of the group that the instance knew.', { type: 'integer' }),
  'Streams-Position': header('Everything before it is in the answer.', { type: 'string' }),
  'Streams-Role': header('Whether a copy answered.', { type: 'string', enum: ['active', 'standby'] }),
  'Streams-Lag': header('Changelog records that the copy lacked.', { type: 'integer' }),
  'Streams-Staleness': header('The answer may be so old, in milliseconds.', { type: 'integer' }),
};

const ENTITY_TAG = { ETag: header('Of the bytes of the body.', { type: 'string' }) };

/** Of problems, by status. */
const PROBLEM_HEADERS: Readonly<Record<number, object>> = {
  421: { 'Streams-Location': header('The same request at the owner.', { type: 'string' }) },
  429: { 'Retry-After': header('Seconds.', { type: 'integer' }) },
  503: { 'Retry-After': header('Seconds.', { type: 'integer' }) },
};

/** What frameworks and parsers answer before a request comes to an endpoint. */
const PLATFORM_STATUSES: Readonly<Record<string, readonly number[]>> = {
  GET: [400, 414, 431],
  POST: [400, 413, 415, 431],
};

const REFUSALS: Readonly<Record<number, string>> = {
  431: 'URL and headers together are longer than the server takes.',
};

/** The list of stores itself, at `base`. */
export function listPath(base: string, shared: SharedReferences): Record<string, PathItem> {
  const [endpoint] = QUERY_ENDPOINTS;
  const found: Responses = {};
  for (const status of endpoint.statuses)
    found[String(status)] =
      status === 200
        ? { description: 'The stores.', content: { 'application/json': { schema: { type: 'object' } } } }
        : problem(status, false, shared);
  const { summary } = endpoint;
  const operation = { operationId: 'listStores', summary, tags: ['stores'], parameters: [], responses: found };
  return { [base || '/']: { get: operation } };
}

/** The typed paths of a store below `base`, by which `{store}` of the generic ones is replaced. */
export function storePaths(base: string, store: DescribedStore, shared: SharedReferences): Record<string, PathItem> {
  const paths: Record<string, PathItem> = {};
  for (const endpoint of QUERY_ENDPOINTS) {
    const rest = /^\/stores\/:store(.*)$/.exec(endpoint.path)?.[1];
    if (rest === undefined) continue;
    const path = `${base}/${encodeURIComponent(store.definition.name)}${rest.replace(':key', '{key}')}`;
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, rest, store, shared) };
  }
  return paths;
}

function operation(endpoint: QueryEndpoint, rest: string, store: DescribedStore, shared: SharedReferences): Operation {
  const { definition } = store;
  const isFeed = rest.endsWith('/changes');
  const reads = endpoint.parameters.includes('isolation');
  return {
    operationId: `${VERBS[rest]}${identifier(definition.name)}${SUFFIXES[rest] ?? ''}`,
    summary: endpoint.summary,
    tags: [definition.name],
    'x-eventually-consistent': true,
    parameters: [
      ...(rest.includes(':key') ? [keyParameter(definition)] : []),
      ...queryParameters(definition, endpoint.parameters),
      ...(reads ? freshnessHeaders(definition) : []),
      ...(rest === '/entries/:key' ? [IF_NONE_MATCH] : []),
      ...(isFeed ? [LAST_EVENT_ID] : []),
    ],
    ...(endpoint.method === 'POST' && { requestBody: lookupBody(definition) }),
    responses: responses(endpoint, rest, store, shared),
  };
}

const VERBS: Readonly<Record<string, string>> = {
  '': 'describe',
  '/metadata': 'metadataOf',
  '/entries/:key': 'get',
  '/lookup': 'lookup',
  '/entries': 'list',
  '/count': 'count',
  '/changes': 'watch',
  '/entries/:key/changes': 'watch',
};
const SUFFIXES: Readonly<Record<string, string>> = { '/entries/:key/changes': 'Entry' };

function responses(endpoint: QueryEndpoint, rest: string, store: DescribedStore, shared: SharedReferences): Responses {
  const found: Responses = {};
  const platform = PLATFORM_STATUSES[endpoint.method] ?? [];
  const headers = { ...READ_HEADERS, ...(rest === '/entries/:key' && ENTITY_TAG) };
  for (const status of new Set([...endpoint.statuses, ...platform])) {
    if (status === 200) found['200'] = { description: 'The answer.', headers, content: content(rest, store, shared) };
    else if (status === 304) found['304'] = { description: 'What the client has is what there is.', headers };
    else found[String(status)] = problem(status, platform.includes(status), shared);
  }
  return found;
}

function problem(status: number, isPlatform: boolean, shared: SharedReferences): Responses[string] {
  const names = PROBLEM_TYPES.filter((type) => type.status === status).map(
    ({ name, meaning }) => `\`${name}\`: ${meaning}`,
  );
  return {
    description: names.join(' ') || REFUSALS[status] || 'Refused by the application.',
    ...(status in PROBLEM_HEADERS && { headers: PROBLEM_HEADERS[status] }),
    content: {
      'application/problem+json': { schema: shared.problem },
      ...(isPlatform && { 'application/json': { schema: shared.platformError } }),
    },
  };
}

function content(rest: string, { definition, valueSchema }: DescribedStore, shared: SharedReferences): Content {
  const key = jsonSchema(definition.key);
  const value: Schema = { anyOf: [valueSchema, { type: 'object', description: 'With `fields`, those members.' }] };
  const entry: Schema = { type: 'object', required: ['key', 'value'], properties: { key, value } };
  const items: Schema = { type: 'array', items: entry };
  const json = (schema: Schema): Content => ({ 'application/json': { schema } });
  const object = (required: string[], properties: Schema): Content => json({ type: 'object', required, properties });
  switch (rest) {
    case '/entries/:key': {
      const { contentType = 'application/json' } = definition.value;
      const type = contentType.split(';', 1)[0];
      return { [type]: { schema: value }, 'application/json': { schema: value } };
    }
    case '/lookup':
      return object(['items', 'missing'], { items, missing: { type: 'array', items: { type: 'string' } } });
    case '/entries':
      return {
        ...object(['items'], { items, next: { type: 'string' }, unreachable: shared.unreachable }),
        'application/x-ndjson': { schema: lineSchema(entry, shared) },
      };
    case '/count':
      return object(['count'], {
        count: { type: 'integer', minimum: 0 },
        unreachable: shared.unreachable,
      });
    case '/changes':
    case '/entries/:key/changes':
      return { 'text/event-stream': { schema: { type: 'string' } } };
    default:
      return json({ type: 'object' });
  }
}

/** Of one line of NDJSON. */
function lineSchema(entry: Schema, { problem, unreachable }: SharedReferences): Schema {
  const end: Schema = {
    type: 'object',
    description: 'The last line. `next` goes on behind `limit`.',
    required: ['end'],
    properties: { end: { const: true }, next: { type: 'string' }, unreachable },
    additionalProperties: false,
  };
  const failure: Schema = {
    type: 'object',
    description: 'The last line of a scan that could not be finished.',
    required: ['problem'],
    properties: { problem },
    additionalProperties: false,
  };
  return { description: 'Of each line.', oneOf: [entry, end, failure] };
}

function lookupBody(definition: StoreDefinition): object {
  const keys: Schema = { type: 'array', maxItems: 1000, items: keyTextSchema(definition.key) };
  const schema: Schema = { type: 'object', required: ['keys'], properties: { keys }, additionalProperties: false };
  return { required: true, content: { 'application/json': { schema } } };
}

/** `order-totals` is `OrderTotals`. */
function identifier(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
}
