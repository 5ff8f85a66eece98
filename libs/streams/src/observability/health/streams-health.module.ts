import { Controller, Get, Inject, Module, Res, type DynamicModule, type Type } from '@nestjs/common';
import { HealthCheck, TerminusModule, type HealthCheckResult, type HealthIndicatorResult } from '@nestjs/terminus';
import { optionProblems } from '../../config/decorator-option-tables.js';
import { IMPORT_OPTION_TABLE } from '../../config/module-option-table.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import { decorateEndpoint, endpointVersion } from '../../nest/endpoint-options.js';
import type { HealthEndpointOptions } from '../../nest/streams-module-options.js';
import { sendAnswer, type QueryResponse } from '../../query/http/answer/http-answer.js';
import { StreamsHealthIndicator } from './streams-health.indicator.js';

const KEY = 'streams';

/**
 * Serves `<path>/live` and `<path>/ready`: 200, or 503 with the same details. `StreamsModule.forRoot({ health: true })` imports it. An
 * application with a health endpoint of its own provides `StreamsHealthIndicator` beside Terminus and asks that.
 */
@Module({})
export class StreamsHealthModule {
  /** @throws ConfigurationError for unknown options and wrong values */
  static register(options: HealthEndpointOptions = {}): DynamicModule {
    const problems = optionProblems('StreamsHealthModule.register', { health: options }, IMPORT_OPTION_TABLE);
    if (problems.length > 0) throw new ConfigurationError(problems);
    return {
      module: StreamsHealthModule,
      imports: [TerminusModule],
      controllers: [healthController(options)],
      providers: [StreamsHealthIndicator],
      exports: [StreamsHealthIndicator],
    };
  }
}

function healthController(options: HealthEndpointOptions): Type<object> {
  const { path = 'health', ready = 'all' } = options;
  @Controller({ path, version: endpointVersion(options) })
  class StreamsHealthController {
    constructor(@Inject(StreamsHealthIndicator) private readonly streams: StreamsHealthIndicator) {}

    @Get('live')
    @HealthCheck()
    live(@Res() response: QueryResponse): void {
      answer(response, this.streams.isLive(KEY));
    }

    @Get('ready')
    @HealthCheck()
    ready(@Res() response: QueryResponse): void {
      answer(response, this.streams.isReady(KEY, ready));
    }
  }
  decorateEndpoint(StreamsHealthController, options);
  return StreamsHealthController;
}

/**
 * In the form of Terminus, but not through its `HealthCheckService`: that one logs an error for every probe that finds a store restoring,
 * and calls a draining instance dead. Sent without Nest's interceptors and filters, which would change its form.
 */
function answer(response: QueryResponse, details: HealthIndicatorResult): void {
  const isUp = details[KEY].status === 'up';
  const result: HealthCheckResult = isUp
    ? { status: 'ok', info: details, error: {}, details }
    : { status: 'error', info: {}, error: details, details };
  const body = Buffer.from(JSON.stringify(result), 'utf8');
  sendAnswer(response, { status: isUp ? 200 : 503, contentType: 'application/json; charset=utf-8', body });
}
