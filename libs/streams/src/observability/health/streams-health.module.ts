import {
  Controller,
  Get,
  Inject,
  Module,
  ServiceUnavailableException,
  type DynamicModule,
  type Type,
} from '@nestjs/common';
import { HealthCheck, TerminusModule, type HealthCheckResult, type HealthIndicatorResult } from '@nestjs/terminus';
import type { HealthEndpointOptions } from '../../nest/streams-module-options.js';
import { checkReadinessPolicy, type ReadinessPolicy } from './readiness.js';
import { StreamsHealthIndicator } from './streams-health.indicator.js';

const KEY = 'streams';

/**
 * Serves `<path>/live` and `<path>/ready`: 200, or 503 with the same details. `StreamsModule.forRoot({ health: true })` imports it. An
 * application with a health endpoint of its own provides `StreamsHealthIndicator` beside Terminus and asks that.
 */
@Module({})
export class StreamsHealthModule {
  /** @throws ConfigurationError if `ready` is no readiness policy. */
  static register({ path = 'health', ready = 'all' }: HealthEndpointOptions = {}): DynamicModule {
    checkReadinessPolicy(ready);
    return {
      module: StreamsHealthModule,
      imports: [TerminusModule],
      controllers: [healthController(path, ready)],
      providers: [StreamsHealthIndicator],
      exports: [StreamsHealthIndicator],
    };
  }
}

function healthController(path: string, policy: ReadinessPolicy): Type<object> {
  @Controller(path)
  class StreamsHealthController {
    constructor(@Inject(StreamsHealthIndicator) private readonly streams: StreamsHealthIndicator) {}

    @Get('live')
    @HealthCheck()
    live(): HealthCheckResult {
      return answer(this.streams.isLive(KEY));
    }

    @Get('ready')
    @HealthCheck()
    ready(): HealthCheckResult {
      return answer(this.streams.isReady(KEY, policy));
    }
  }
  return StreamsHealthController;
}

/**
 * In the form of Terminus, but not through its `HealthCheckService`: that one logs an error for every probe that finds a store restoring,
 * and calls a draining instance dead.
 */
function answer(details: HealthIndicatorResult): HealthCheckResult {
  if (details[KEY].status === 'up') return { status: 'ok', info: details, error: {}, details };
  throw new ServiceUnavailableException({
    status: 'error',
    info: {},
    error: details,
    details,
  } satisfies HealthCheckResult);
}
