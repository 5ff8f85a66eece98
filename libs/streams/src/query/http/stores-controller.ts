import { Controller, Get, Inject, Optional, Param, Req, Res, UseFilters, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { STREAMS_METRICS_PORT, STREAMS_RUNTIME } from '../../nest/tokens.js';
import { noMetrics, type StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { ScanOrder } from '../scan/key-range.js';
import { StoreQueries, type ScanRequest } from '../store-queries.js';
import { typedJson, valueBody } from '../typed-json.js';
import { sendAnswer, type HttpAnswer, type QueryRequest, type QueryResponse } from './http-answer.js';
import { KEY_ROUTE, widenKeyRoute } from './key-route.js';
import { problemDocument } from './problem-document.js';
import { ProblemFilter } from './problem-filter.js';
import { invalidParameter, isEmptyKeyPath, keyInPath, queryParameters } from './request-target.js';

export const SCAN_PARAMETERS = ['from', 'to', 'prefix', 'order', 'limit', 'cursor'] as const;

type QueryKind = 'stores' | 'store' | 'get' | 'scan';

/**
 * Makes the controller that serves the queryable stores under `path`. It reads the runtime (`STREAMS_RUNTIME`) through the module's
 * `StoreQueries`, or through its own where the module provides none. Guards and interceptors bind to the class as to any controller.
 */
export function storesController(path = 'stores'): Type<object> {
  @Controller(path)
  @UseFilters(new ProblemFilter())
  class StoresController {
    private readonly queries: StoreQueries;

    constructor(
      @Inject(HttpAdapterHost) { httpAdapter }: HttpAdapterHost,
      @Inject(STREAMS_RUNTIME) private readonly runtime: StreamsRuntime,
      @Optional() @Inject(StoreQueries) queries?: StoreQueries,
      @Optional() @Inject(STREAMS_METRICS_PORT) private readonly metrics: StreamsMetrics = noMetrics,
    ) {
      widenKeyRoute(StoresController, 'entry', httpAdapter?.getType());
      this.queries = queries ?? new StoreQueries(runtime);
    }

    @Get()
    stores(@Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.answer('stores', undefined, request, response, async () => {
        queryParameters(request.originalUrl, []);
        return this.json({ items: this.queries.describeStores() });
      });
    }

    @Get(':store')
    store(@Param('store') store: string, @Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.answer('store', store, request, response, async () => {
        queryParameters(request.originalUrl, []);
        return this.json(await this.queries.describeStore(store));
      });
    }

    @Get(':store/entries')
    entries(
      @Param('store') store: string,
      @Req() request: QueryRequest,
      @Res() response: QueryResponse,
    ): Promise<void> {
      if (isEmptyKeyPath(request.originalUrl)) return this.entry(store, request, response);
      return this.answer('scan', store, request, response, async () => {
        const { items, next, positions } = await this.queries.list(store, scanRequest(request.originalUrl));
        const position = positions.map((offset, partition) => `${partition}=${offset}`).join(', ');
        return this.json({ items, next }, { 'Streams-Position': position });
      });
    }

    @Get(KEY_ROUTE)
    entry(@Param('store') store: string, @Req() request: QueryRequest, @Res() response: QueryResponse): Promise<void> {
      return this.answer('get', store, request, response, async () => {
        queryParameters(request.originalUrl, []);
        const { definition, value, partition, position } = await this.queries.get(
          store,
          keyInPath(request.originalUrl, store),
        );
        return {
          status: 200,
          ...valueBody(definition.value, value),
          headers: {
            'Streams-Instance': this.runtime.instanceId,
            'Streams-Partition': String(partition),
            'Streams-Position': String(position),
          },
        };
      });
    }

    private json(body: object, headers: Record<string, string> = {}): HttpAnswer {
      return {
        status: 200,
        contentType: 'application/json',
        body: Buffer.from(typedJson(body), 'utf8'),
        headers: { 'Streams-Instance': this.runtime.instanceId, ...headers },
      };
    }

    private async answer(
      kind: QueryKind,
      store: string | undefined,
      { originalUrl }: QueryRequest,
      response: QueryResponse,
      query: () => Promise<HttpAnswer>,
    ): Promise<void> {
      const startedAt = performance.now();
      let status = 200;
      try {
        sendAnswer(response, await query());
      } catch (error) {
        ({ status } = problemDocument(error, originalUrl));
        throw error;
      } finally {
        // The names that clients make up must not become label values.
        const label = store === undefined ? '' : this.queries.has(store) ? store : 'unknown';
        this.metrics.add('streams_query_requests_total', { store: label, kind, status: String(status) }, 1);
        const seconds = (performance.now() - startedAt) / 1000;
        this.metrics.observe('streams_query_latency_seconds', { store: label, kind }, seconds);
      }
    }
  }
  return StoresController;
}

function scanRequest(originalUrl: string): ScanRequest {
  const { order, limit, ...rest } = queryParameters(originalUrl, SCAN_PARAMETERS);
  if (order !== undefined && order !== 'asc' && order !== 'desc') throw invalidParameter('order', 'is "asc" or "desc"');
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit))
    throw invalidParameter('limit', 'is a whole number from 1');
  return {
    ...rest,
    ...(order !== undefined && { order: order satisfies ScanOrder }),
    ...(limit !== undefined && { limit: Number(limit) }),
  };
}
