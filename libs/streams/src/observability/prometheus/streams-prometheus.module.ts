import { Controller, Get, Module, Res, type DynamicModule, type Type } from '@nestjs/common';
import { PrometheusModule, type PrometheusController } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { optionProblems } from '../../config/decorator-option-tables.js';
import { IMPORT_OPTION_TABLE } from '../../config/module-option-table.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import { decorateEndpoint, endpointVersion } from '../../nest/endpoint-options.js';
import type { MetricsEndpointOptions } from '../../nest/streams-module-options.js';
import { STREAMS_METRICS_PORT } from '../../nest/tokens.js';
import { sendAnswer, type QueryResponse } from '../../query/http/answer/http-answer.js';
import { PrometheusMetrics } from './prometheus-metrics.js';

/** One of the process metrics of prom-client; they are registered all or none. */
const A_DEFAULT_METRIC = 'process_cpu_seconds_total';

/**
 * Serves the metrics of the library, and those of the process, from the global registry of prom-client; exports `STREAMS_METRICS_PORT`.
 *
 * `StreamsModule.forRoot({ metrics: true })` imports it. An application that has an endpoint for the global registry already provides
 * the port itself, in a global module: `{ provide: STREAMS_METRICS_PORT, useFactory: () => new PrometheusMetrics() }`.
 */
@Module({})
export class StreamsPrometheusModule {
  /** @throws ConfigurationError for unknown options and wrong values */
  static register(options: MetricsEndpointOptions = {}): DynamicModule {
    const problems = optionProblems('StreamsPrometheusModule.register', { metrics: options }, IMPORT_OPTION_TABLE);
    if (problems.length > 0) throw new ConfigurationError(problems);
    const { path = '/metrics', defaultMetrics = true } = options;
    // A class of its own: PrometheusModule writes the path onto the controller it is given.
    @Controller({ version: endpointVersion(options) })
    class StreamsMetricsController {
      /** Sent without Nest's interceptors, which would change its form. */
      @Get()
      async index(@Res() response: QueryResponse): Promise<void> {
        const body = Buffer.from(await register.metrics(), 'utf8');
        sendAnswer(response, { status: 200, contentType: register.contentType, body });
      }
    }
    decorateEndpoint(StreamsMetricsController, options);
    const isRegistered = register.getSingleMetric(A_DEFAULT_METRIC) !== undefined;
    return {
      module: StreamsPrometheusModule,
      imports: [
        PrometheusModule.register({
          path,
          controller: StreamsMetricsController as unknown as Type<PrometheusController>,
          // Registering them twice throws.
          defaultMetrics: { enabled: defaultMetrics && !isRegistered },
        }),
      ],
      providers: [{ provide: STREAMS_METRICS_PORT, useFactory: () => new PrometheusMetrics() }],
      exports: [STREAMS_METRICS_PORT],
    };
  }
}
