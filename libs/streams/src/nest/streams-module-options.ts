import type { StreamsOptions } from '../config/streams-options.js';
import type { RequestLimitOptions } from '../query/http/request/request-limits.js';
import type { RocksDbOptions } from '../stores/engines/rocksdb/rocksdb-engine-factory.js';
import type { StoreEngineFactory } from '../stores/store-engine.js';
import type { EndpointOptions } from './endpoint-options.js';

/** What `StreamsModule.forRoot` takes beside the options of the runtime. */
export interface StreamsModuleOptions extends StreamsOptions {
  /** Further store engines, by which `@StateStore({ engine })` may name them. */
  readonly engines?: readonly StoreEngineFactory[];
  /** Tuning of the engine `rocksdb`, for each store partition. */
  readonly rocksdb?: RocksDbOptions;
  /**
   * Apply the global guards, pipes and interceptors of the application to handlers, as Nest's hybrid applications do. They see the context type
   * `streams`. Default false.
   */
  readonly inheritAppConfig?: boolean;
}

/** What of the module decides at import time; given to `forRootAsync` beside the factory. */
export interface StreamsModuleExtras {
  /** The controller of queryable stores. `false`: none. Default: under `/stores`. */
  readonly query?: boolean | QueryEndpointOptions;
  /** `/health/live` and `/health/ready`; needs `@nestjs/terminus`. Default: none. */
  readonly health?: boolean | HealthEndpointOptions;
  /** `/metrics`; needs `@willsoto/nestjs-prometheus` and `prom-client`. Default: none. */
  readonly metrics?: boolean | MetricsEndpointOptions;
  /** Visible to all modules. Default true. */
  readonly isGlobal?: boolean;
}

export interface QueryEndpointOptions extends RequestLimitOptions, EndpointOptions {
  /** Default `stores`. */
  readonly path?: string;
}

export interface HealthEndpointOptions extends EndpointOptions {
  /** Default `health`. */
  readonly path?: string;
  /** Which tasks have to run for the instance to be ready: all, any, or a share from 0 to 1. Default `all`. */
  readonly ready?: 'all' | 'any' | number;
}

export interface MetricsEndpointOptions extends EndpointOptions {
  /** Default `/metrics`. */
  readonly path?: string;
  /** Also the process metrics of prom-client. Default true. */
  readonly defaultMetrics?: boolean;
}

/** Options that decide at import time, with their defaults. */
export const EXTRA_DEFAULTS: Required<StreamsModuleExtras> = {
  query: true,
  health: false,
  metrics: false,
  isGlobal: true,
};

/** All options that the module adds to those of the runtime. */
export const MODULE_OPTION_KEYS: readonly string[] = [
  'engines',
  'rocksdb',
  'inheritAppConfig',
  ...Object.keys(EXTRA_DEFAULTS),
];
