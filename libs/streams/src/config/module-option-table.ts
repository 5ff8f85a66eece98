import type { OptionDefinition } from './option-table.js';

/** Options that decide which modules and controllers exist, by their path; `docs/reference/options.md` is compared with this table by a test. */
export const IMPORT_OPTION_TABLE = {
  query: {
    type: 'boolean',
    default: '`true`',
    meaning: 'The [REST endpoints](endpoints.md) of stores with `query: true`; `false` for none.',
  },
  'query.path': { type: 'string', default: '`stores`', meaning: 'Their path.' },
  'query.version': {
    type: 'string',
    default: 'neutral',
    meaning: 'The version of the routes, where the application has versioning.',
  },
  'query.decorators': {
    type: 'list',
    default: 'none',
    meaning: 'Class decorators of the controller, such as the one that exempts it from global guards.',
  },
  'query.maxConcurrent': {
    type: 'integer',
    default: '`512`',
    meaning: 'Requests that are answered at a time; others are queued. Clients take turns, and one has at most half.',
    min: 1,
  },
  'query.maxScans': {
    type: 'integer',
    default: '`32`',
    meaning:
      'Pages, counts and look-ups that are read at a time, apart from `maxConcurrent`; and as many with `Prefer: wait`.',
    min: 1,
  },
  'query.maxQueued': {
    type: 'integer',
    default: '`1024`',
    meaning: 'Requests that are queued; more are a 429, those of the client with most of them first.',
    min: 0,
  },
  'query.maxWaiting': {
    type: 'integer',
    default: '`1024`',
    meaning: 'Requests of single keys with `Prefer: wait` at a time, apart from `maxConcurrent`; more are a 429.',
    min: 0,
  },
  'query.maxWaitingPerClient': {
    type: 'integer',
    default: 'half of `maxWaiting`',
    meaning: 'Of them, for one client.',
    min: 0,
  },
  'query.maxStreams': {
    type: 'integer',
    default: '`64`',
    meaning: 'Feeds and NDJSON scans that are open at a time; more are a 429.',
    min: 0,
  },
  'query.maxStreamsPerClient': {
    type: 'integer',
    default: 'half of `maxStreams`',
    meaning: 'Of them, for one client.',
    min: 0,
  },
  'query.clientOf': {
    type: 'function',
    default: 'the address, or /64 of IPv6',
    meaning:
      'Names the client of a request, as `(request) => string`; set it, or `trust proxy`, behind a proxy. Runs before the guards of the store.',
  },
  health: {
    type: 'boolean',
    default: '`false`',
    meaning: '`/health/live` and `/health/ready`; needs `@nestjs/terminus`.',
  },
  'health.path': { type: 'string', default: '`health`', meaning: 'Their path.' },
  'health.version': {
    type: 'string',
    default: 'neutral',
    meaning: 'The version of the routes, where the application has versioning.',
  },
  'health.decorators': {
    type: 'list',
    default: 'none',
    meaning: 'Class decorators of the controller, such as the one that exempts it from global guards.',
  },
  'health.ready': {
    type: 'readiness',
    default: '`all`',
    meaning:
      "Which of the assigned tasks have to run for the instance to be ready: `'all'`, `'any'`, or a share from 0 to 1.",
  },
  metrics: {
    type: 'boolean',
    default: '`false`',
    meaning: '`/metrics` with the [metrics](metrics.md); needs `@willsoto/nestjs-prometheus` and `prom-client`.',
  },
  'metrics.path': { type: 'string', default: '`/metrics`', meaning: 'Its path.' },
  'metrics.version': {
    type: 'string',
    default: 'neutral',
    meaning: 'The version of the routes, where the application has versioning.',
  },
  'metrics.decorators': {
    type: 'list',
    default: 'none',
    meaning: 'Class decorators of the controller, such as the one that exempts it from global guards.',
  },
  'metrics.defaultMetrics': {
    type: 'boolean',
    default: '`true`',
    meaning: 'Also the process metrics of `prom-client`.',
  },
  isGlobal: {
    type: 'boolean',
    default: '`true`',
    meaning: 'Whether all modules see what the module exports.',
  },
} as const satisfies Record<string, OptionDefinition>;

/** Options of the module that a factory may return, by their path. */
export const ENGINE_OPTION_TABLE = {
  engines: {
    type: 'list',
    default: 'none',
    meaning:
      'Further [store engines](../guide/engines.md#your-own-engine), by which `@StateStore({ engine })` may name them.',
  },
  inheritAppConfig: {
    type: 'boolean',
    default: '`false`',
    meaning: 'Apply the global guards, pipes and interceptors of the application to handlers.',
  },
  'rocksdb.binding': { type: ['auto', 'rocksdb', 'rocksdb-native'], default: '`auto`', meaning: 'The package.' },
  'rocksdb.blockCacheBytes': { type: 'integer', default: '', meaning: '', min: 0 },
  'rocksdb.writeBufferBytes': { type: 'integer', default: '', meaning: '', min: 1 },
  'rocksdb.maxWriteBuffers': { type: 'integer', default: '', meaning: '', min: 1 },
  'rocksdb.blockBytes': { type: 'integer', default: '', meaning: '', min: 1 },
  'rocksdb.maxOpenFiles': { type: 'integer', default: '', meaning: '', min: -1 },
  'rocksdb.maxBackgroundJobs': { type: 'integer', default: '', meaning: '', min: 1 },
  'rocksdb.compression': { type: ['none', 'snappy'], default: '', meaning: '' },
} as const satisfies Record<string, OptionDefinition>;
