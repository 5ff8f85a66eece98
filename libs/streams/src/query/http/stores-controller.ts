import {
  Body,
  Controller,
  Get,
  Inject,
  Optional,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, type AbstractHttpAdapter } from '@nestjs/core';
import { EventEmitter } from 'node:events';
import { decorateEndpoint, endpointVersion, type EndpointOptions } from '../../nest/endpoint-options.js';
import { STREAMS_METRICS_PORT, STREAMS_RUNTIME } from '../../nest/tokens.js';
import { metricsOf, noMetrics, type StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { StreamsQueryService } from '../streams-query.service.js';
import type { QueryRequest, QueryResponse } from './answer/http-answer.js';
import { EMPTY_KEY_CHANGES_ROUTE, KEY_ROUTE, widenKeyRoute } from './request/key-route.js';
import { ProblemFilter } from './answer/problem-filter.js';
import { limitBodyTime, limitRequestTime } from './request/body-deadline.js';
import type { RequestLimitOptions } from './request/request-limits.js';
import { isChangesPath, isEmptyKeyPath } from './request/request-target.js';
import { StoreEndpoints } from './store-endpoints.js';

const STORES_CONTROLLER_METADATA = 'nestjs-streams:stores-controller';

/** The class that `storesController` made, of itself and of classes that extend it. */
export function storesControllerOf(target: object): Type<object> | undefined {
  return Reflect.getMetadata(STORES_CONTROLLER_METADATA, target) as Type<object> | undefined;
}

/**
 * Makes the controller that serves the queryable stores under `path`. It reads the runtime (`STREAMS_RUNTIME`) through the module's
 * `StreamsQueryService`, or through its own where the module provides none. Guards and interceptors bind to the class as to any controller.
 */
export function storesController(path = 'stores', options: RequestLimitOptions & EndpointOptions = {}): Type<object> {
  @Controller({ path, version: endpointVersion(options) })
  @UseFilters(new ProblemFilter())
  class StoresController implements OnModuleInit {
    private readonly endpoints: StoreEndpoints;

    constructor(
      @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
      @Inject(STREAMS_RUNTIME) runtime: StreamsRuntime,
      @Inject(ModuleRef) moduleRef: ModuleRef,
      @Optional() @Inject(StreamsQueryService) queries?: StreamsQueryService,
      @Optional() @Inject(STREAMS_METRICS_PORT) metrics: StreamsMetrics = noMetrics,
    ) {
      widenKeyRoute(StoresController, 'entry', http.httpAdapter?.getType());
      this.endpoints = new StoreEndpoints({
        runtime,
        queries: queries ?? new StreamsQueryService(runtime),
        metrics: metricsOf(metrics, runtime.applicationId),
        moduleRef,
        limits: options,
        controller: StoresController,
      });
    }

    onModuleInit(): void {
      const server: unknown = (this.http.httpAdapter as AbstractHttpAdapter | null | undefined)?.getHttpServer();
      if (!(server instanceof EventEmitter)) return;
      limitBodyTime(server, path);
      limitRequestTime(server);
    }

    @Get()
    stores(@Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.endpoints.list(request, response);
    }

    @Get(':store')
    store(@Param('store') store: string, @Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.endpoints.describe(store, request, response);
    }

    @Get(':store/metadata')
    metadata(
      @Param('store') store: string,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      return this.endpoints.metadata(store, request, response);
    }

    @Get(':store/count')
    count(@Param('store') store: string, @Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.endpoints.count(store, request, response);
    }

    @Get(':store/changes')
    changes(
      @Param('store') store: string,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      return this.endpoints.changes(store, false, request, response);
    }

    @Post(':store/lookup')
    lookup(
      @Param('store') store: string,
      @Body() body: unknown,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      return this.endpoints.lookup(store, body, request, response);
    }

    @Get(':store/entries')
    entries(
      @Param('store') store: string,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      if (isEmptyKeyPath(request.originalUrl)) return this.endpoints.entry(store, request, response);
      return this.endpoints.scan(store, request, response);
    }

    @Get([`${KEY_ROUTE}/changes`, EMPTY_KEY_CHANGES_ROUTE])
    entryChanges(
      @Param('store') store: string,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      return this.endpoints.changes(store, true, request, response);
    }

    @Get(KEY_ROUTE)
    entry(@Param('store') store: string, @Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      // A wildcard takes what its platform finds too long for a parameter.
      if (isChangesPath(request.originalUrl, store)) return this.endpoints.changes(store, true, request, response);
      return this.endpoints.entry(store, request, response);
    }
  }
  Reflect.defineMetadata(STORES_CONTROLLER_METADATA, StoresController, StoresController);
  decorateEndpoint(StoresController, options);
  return StoresController;
}
