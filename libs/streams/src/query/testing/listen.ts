import { Module, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { STREAMS_METRICS_PORT, STREAMS_RUNTIME } from '../../nest/tokens.js';
import { noMetrics, type StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { storesController } from '../http/stores-controller.js';

/** An application that serves the stores of `runtime` on a free port, made as `main.ts` makes one. */
export async function listen(
  adapter: AbstractHttpAdapter,
  runtime: StreamsRuntime,
  controller: Type<object> = storesController(),
  metrics: StreamsMetrics = noMetrics,
  globalPrefix = '',
): Promise<{ readonly app: INestApplication; readonly url: string }> {
  @Module({
    controllers: [controller],
    providers: [
      { provide: STREAMS_RUNTIME, useValue: runtime },
      { provide: STREAMS_METRICS_PORT, useValue: metrics },
    ],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false });
  app.setGlobalPrefix(globalPrefix);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}
