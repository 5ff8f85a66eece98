import { Controller, Module, type DynamicModule } from '@nestjs/common';
import { PrometheusController, PrometheusModule } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import type { MetricsEndpointOptions } from '../../nest/streams-module-options.js';
import { STREAMS_METRICS_PORT } from '../../nest/tokens.js';
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
  static register({ path = '/metrics', defaultMetrics = true }: MetricsEndpointOptions = {}): DynamicModule {
    // A class of its own: PrometheusModule writes the path onto the controller it is given.
    @Controller()
    class StreamsMetricsController extends PrometheusController {}
    const isRegistered = register.getSingleMetric(A_DEFAULT_METRIC) !== undefined;
    return {
      module: StreamsPrometheusModule,
      imports: [
        PrometheusModule.register({
          path,
          controller: StreamsMetricsController,
          // Registering them twice throws.
          defaultMetrics: { enabled: defaultMetrics && !isRegistered },
        }),
      ],
      providers: [{ provide: STREAMS_METRICS_PORT, useFactory: () => new PrometheusMetrics() }],
      exports: [STREAMS_METRICS_PORT],
    };
  }
}
