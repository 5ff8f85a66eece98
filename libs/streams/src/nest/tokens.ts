/** Token of the running instance (`StreamsRuntime`); inject it for status and queries by hand. */
export const STREAMS_RUNTIME = Symbol('nestjs-streams.runtime');

/** Token of the metrics port (`StreamsMetrics`). */
export const STREAMS_METRICS_PORT = Symbol('nestjs-streams.metrics');

/** Token of the problems with options that decide at import time. */
export const STREAMS_IMPORT_PROBLEMS = Symbol('nestjs-streams.import-problems');

/** Token of the options given to `StreamsModule.forRoot`. */
export const STREAMS_OPTIONS = Symbol('nestjs-streams.options');
