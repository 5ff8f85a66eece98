import type { Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { StoreAccess } from '../../decorators/state-store.decorator.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { readKey } from '../read-key.js';
import type { ScanRequest, StreamsQueryService } from '../streams-query.service.js';
import { typedJson, valueBody } from '../typed-json.js';
import { isGone } from './answer/connection.js';
import { entityTag, isNoneMatch } from './answer/entity-tag.js';
import { EntryJson } from './answer/entry-json.js';
import { entryHeaders, scanHeaders } from './answer/freshness-headers.js';
import { rawResponse, type HttpAnswer, type QueryRequest, type QueryResponse } from './answer/http-answer.js';
import { jsonBody } from './answer/json-body.js';
import { LargeAnswers } from './answer/large-answers.js';
import { lookupKeys } from './request/lookup-body.js';
import { problemDocument } from './answer/problem-document.js';
import {
  COUNT_PARAMETERS,
  ENTRY_PARAMETERS,
  FEED_PARAMETERS,
  fieldsOf,
  METADATA_PARAMETERS,
  freshnessRequest,
  SCAN_PARAMETERS,
  isApproximate,
  isWanted,
  lastEventId,
  mayWait,
  scanQuery,
  scanRequest,
} from './request/read-request.js';
import { RequestReader } from './request/request-reader.js';
import { RequestLimits, type RequestLimitOptions } from './request/request-limits.js';
import { invalidParameter, keyInChangesPath, keyInPath, queryParameters } from './request/request-target.js';
import type { ScanEntry } from '../scan/merge-streams.js';
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT, type ScannedStream } from '../scan/store-scans.js';
import { guardContext, type QueryKind } from './guard-context.js';
import { entryFilter, filteredPage, type EntryFilter, type FilteredPage } from './entry-filter.js';
import { OpenRequests, type OpenRequest } from './open-requests.js';
import { StorePolicy } from './store-policy.js';
import { ResponseStream } from './answer/response-stream.js';
import { endAtOnce, EVENT_STREAM, feedHeaders, probeChanges, streamChanges } from './answer/stream-changes.js';
import { acceptsNdjson, NDJSON, streamEntries } from './answer/stream-entries.js';

export interface StoreEndpointsOptions {
  readonly runtime: StreamsRuntime;
  readonly queries: StreamsQueryService;
  readonly metrics: StreamsMetrics;
  /** Makes the guards of stores. */
  readonly moduleRef: ModuleRef;
  readonly limits: RequestLimitOptions;
  readonly controller: Type<object>;
}

const SCANS: ReadonlySet<QueryKind> = new Set(['scan', 'count', 'lookup']);

/** One request for one store. */
interface Asked {
  readonly definition: StoreDefinition;
  readonly policy: StorePolicy;
  readonly reader: RequestReader;
}

/** A body that is written as it comes. */
interface StreamedAnswer {
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: () => Promise<void>;
  /** Instead of `stream`, for HEAD: fails as that would before its first byte, and leaves nothing open. */
  readonly probe: () => Promise<unknown>;
}

/** What the routes do, whatever platform they are on. */
export class StoreEndpoints {
  private readonly limits: RequestLimits;
  /** Ends the feeds, which would keep the server from closing; whoever reads them goes on at another instance. */
  private readonly stopping = new AbortController();
  private readonly requests = new OpenRequests();
  private readonly answers = new LargeAnswers();
  private readonly policies = new Map<string, StorePolicy>();
  private readonly streams = new Map<QueryKind, number>();

  constructor(private readonly options: StoreEndpointsOptions) {
    this.limits = new RequestLimits(options.limits);
    options.runtime.onStateChange((state) => {
      if (state !== 'stopping' && state !== 'failed') return;
      this.stopping.abort();
      this.requests.stop(options.runtime.instanceId);
    });
  }

  list(request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('stores', undefined, request, response, async () => {
      queryParameters(request.originalUrl, []);
      return this.json({ items: this.options.queries.describeStores() });
    });
  }

  describe(store: string, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('store', store, request, response, async () => {
      queryParameters(request.originalUrl, []);
      return this.json(await this.options.queries.describeStore(store));
    });
  }

  metadata(store: string, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('metadata', store, request, response, async ({ definition, policy }) => {
      const { queries } = this.options;
      const { key } = queryParameters(request.originalUrl, METADATA_PARAMETERS);
      if (key === undefined) return this.json(queries.metadata(store));
      if (policy.isPerKey) await policy.authorize(this.access(request, definition, 'get', readKey(definition, key)));
      return this.json(queries.metadataForText(store, key));
    });
  }

  entry(store: string, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('get', store, request, response, async ({ definition, policy, reader }) => {
      const { fields, ...parameters } = queryParameters(request.originalUrl, ENTRY_PARAMETERS);
      const key = readKey(definition, keyInPath(request.originalUrl, store));
      if (policy.isPerKey) await policy.authorize(this.access(request, definition, 'get', key));
      const json = new EntryJson(definition, fieldsOf(fields), policy.mapping(request, 'get'));
      const { value, freshness } = await this.options.queries.getBytes(
        store,
        key,
        reader.reading(freshnessRequest(parameters, request)),
      );
      const { contentType, body } = json.changes
        ? jsonBody(json.value(value, definition.key.deserialize(key)))
        : valueBody(definition.value, value);
      const headers = entryHeaders(store, freshness);
      headers['ETag'] = entityTag(body);
      // Kept by the client, and asked for again each time.
      headers['Cache-Control'] = 'private, no-cache';
      if (isNoneMatch(request.headers['if-none-match'], headers['ETag'])) return { status: 304, headers };
      return { status: 200, contentType, body, headers };
    });
  }

  lookup(store: string, body: unknown, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('lookup', store, request, response, async ({ definition, policy, reader }) => {
      const { fields, ...parameters } = queryParameters(request.originalUrl, ENTRY_PARAMETERS);
      const texts = lookupKeys(body);
      const keys = texts.map((text) => readKey(definition, text));
      if (policy.isPerKey)
        for (const key of keys) await policy.authorize(this.access(request, definition, 'lookup', key));
      const json = new EntryJson(definition, fieldsOf(fields), policy.mapping(request, 'lookup'));
      const freshnessAsked = freshnessRequest(parameters, request);
      const { values, freshness } = await this.options.queries.lookup(
        store,
        keys,
        keys.length > 1 ? { ...freshnessAsked, ...reader.untilGone() } : reader.reading(freshnessAsked),
      );
      const items: string[] = [];
      const missing: string[] = [];
      values.forEach((value, index) => {
        if (value === undefined) missing.push(texts[index]);
        else items.push(json.entry({ key: keys[index], value }));
      });
      const text = `{"items":[${items.join(',')}],"missing":${JSON.stringify(missing)}}`;
      return { status: 200, ...jsonBody(text), headers: this.scanHeaders(store, freshness) };
    });
  }

  count(store: string, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('count', store, request, response, async ({ definition, policy, reader }) => {
      const parameters = queryParameters(request.originalUrl, COUNT_PARAMETERS, ['where']);
      const query = { ...scanQuery(parameters), ...freshnessRequest(parameters, request), ...reader.untilGone() };
      const { queries } = this.options;
      const passes = this.entryFilter(request, definition, policy, 'count', query.where);
      if (isApproximate(parameters.approximate)) {
        if (passes !== undefined) throw invalidParameter('approximate', 'would count entries that are hidden from you');
        const { count, freshness, unreachable } = await queries.count(store, { ...query, isApproximate: true });
        return this.json({ count, approximate: true, ...partial(unreachable) }, this.scanHeaders(store, freshness));
      }
      if (passes === undefined) {
        const { count, freshness, unreachable } = await queries.count(store, query);
        return this.json({ count, ...partial(unreachable) }, this.scanHeaders(store, freshness));
      }
      const { batches, freshness, unreachable } = await queries.stream(store, { ...query, isFilteredLater: true });
      let count = 0;
      for await (const batch of batches) for (const entry of batch) if (await passes(entry)) count++;
      return this.json({ count, ...partial(unreachable) }, this.scanHeaders(store, freshness));
    });
  }

  scan(store: string, request: QueryRequest, response: QueryResponse): Promise<void> {
    return this.answer('scan', store, request, response, async ({ definition, policy, reader }) => {
      const parameters = queryParameters(request.originalUrl, SCAN_PARAMETERS, ['where']);
      const asked = { ...scanRequest(parameters, request), ...reader.untilGone() };
      const { queries } = this.options;
      const json = new EntryJson(definition, fieldsOf(parameters.fields), policy.mapping(request, 'scan'));
      const passes = this.entryFilter(request, definition, policy, 'scan', asked.where);
      const query = passes === undefined ? asked : { ...asked, isFilteredLater: true };
      if (acceptsNdjson(request)) {
        const scanned = await queries.stream(store, query);
        const headers = this.scanHeaders(store, scanned.freshness);
        const options = { json, passes, headers, limit: query.limit, url: request.originalUrl };
        const stream = (): Promise<void> => streamEntries(response, scanned, options);
        return { contentType: NDJSON, headers, stream, probe: () => scanned.batches.return(undefined) };
      }
      const { entries, next, freshness, unreachable } =
        passes === undefined ? await queries.page(store, query) : await this.filteredPage(store, query, passes);
      const items = entries.map((entry) => json.entry(entry));
      const rest = typedJson({ next, ...partial(unreachable) }).slice(1);
      const text = `{"items":[${items.join(',')}]${rest === '}' ? '' : ','}${rest}`;
      return { status: 200, ...jsonBody(text), headers: this.scanHeaders(store, freshness) };
    });
  }

  /** @param ofKey the changes of one entry. */
  changes(store: string, ofKey: boolean, request: QueryRequest, response: QueryResponse): Promise<void> {
    const { queries, runtime } = this.options;
    const headers = feedHeaders(runtime.instanceId);
    const answered = this.answer('changes', store, request, response, async ({ definition, policy }) => {
      const { snapshot, prefix, fields } = queryParameters(request.originalUrl, FEED_PARAMETERS);
      if (ofKey && prefix !== undefined) throw invalidParameter('prefix', 'does not go with a key');
      const key = ofKey ? readKey(definition, keyInChangesPath(request.originalUrl, store)) : undefined;
      if (key && policy.isPerKey) await policy.authorize(this.access(request, definition, 'changes', key));
      const after = lastEventId(request);
      const range = { ...(key && { key }), ...(prefix !== undefined && { prefix }) };
      const hasSnapshot = isWanted(snapshot);
      const feed = { ...range, ...(after && { after }), hasSnapshot };
      const options = {
        definition,
        json: new EntryJson(definition, fieldsOf(fields), policy.mapping(request, 'changes')),
        mayRead: this.filterOf(request, definition, policy, 'changes'),
        headers,
        url: request.originalUrl,
        stopping: this.stopping.signal,
      };
      const open: Parameters<typeof streamChanges>[1] = (signal) => queries.changes(store, { ...feed, signal });
      const stream = (): Promise<void> => streamChanges(response, open, options);
      return { contentType: EVENT_STREAM, headers, stream, probe: () => probeChanges(open) };
    });
    return answered.catch((error: unknown) => endAtOnce(error, request, response, headers));
  }

  private json(body: object, headers: Record<string, string> = {}): HttpAnswer {
    const common = { 'Streams-Instance': this.options.runtime.instanceId };
    return { status: 200, ...jsonBody(typedJson(body)), headers: { ...common, ...headers } };
  }

  private scanHeaders(store: string, freshness: Parameters<typeof scanHeaders>[2]): Record<string, string> {
    return scanHeaders(store, this.options.runtime.instanceId, freshness);
  }

  private access(
    request: QueryRequest,
    { name, key: serde }: StoreDefinition,
    kind: StoreAccess['kind'],
    key: Uint8Array,
  ): StoreAccess {
    return { request, store: name, kind, key: serde.deserialize(key) };
  }

  /** Which entries the caller may see; undefined: all. */
  private filterOf(
    request: QueryRequest,
    definition: StoreDefinition,
    policy: StorePolicy,
    kind: StoreAccess['kind'],
  ): ((key: Uint8Array) => boolean | Promise<boolean>) | undefined {
    if (!policy.isPerKey) return undefined;
    return (key) => policy.mayRead(this.access(request, definition, kind, key));
  }

  /** Undefined where owners decide alone; otherwise `isFilteredLater` is to be set. */
  private entryFilter(
    request: QueryRequest,
    definition: StoreDefinition,
    policy: StorePolicy,
    kind: StoreAccess['kind'],
    where: readonly string[] = [],
  ): EntryFilter | undefined {
    if (!policy.hides) return undefined;
    const mayRead = this.filterOf(request, definition, policy, kind);
    const map = policy.mapping(request, kind);
    const json = new EntryJson(definition, undefined, map);
    const seen = ({ key, value }: ScanEntry): unknown =>
      map ? json.seen(value, definition.key.deserialize(key)) : definition.value.deserialize(value);
    return entryFilter({ mayRead, where, seen });
  }

  private async filteredPage(
    store: string,
    query: ScanRequest,
    passes: EntryFilter,
  ): Promise<FilteredPage & Pick<ScannedStream, 'freshness' | 'unreachable'>> {
    const scanned = await this.options.queries.stream(store, query);
    const { freshness, unreachable } = scanned;
    const limit = Math.min(query.limit ?? DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT);
    return { ...(await filteredPage(scanned, passes, limit)), freshness, unreachable };
  }

  private policyOf(definition: StoreDefinition): StorePolicy {
    let policy = this.policies.get(definition.name);
    if (policy === undefined) {
      policy = new StorePolicy(definition, this.options.moduleRef);
      this.policies.set(definition.name, policy);
    }
    return policy;
  }

  private async answer(
    kind: QueryKind,
    store: string | undefined,
    request: QueryRequest,
    response: QueryResponse,
    query: (asked: Asked) => Promise<HttpAnswer | StreamedAnswer>,
  ): Promise<void> {
    const { queries, metrics } = this.options;
    const startedAt = performance.now();
    let status = 200;
    let leave: (() => void) | undefined;
    let isStream = false;
    let open: OpenRequest | undefined;
    try {
      const raw = rawResponse(response);
      const client = this.limits.clientOf(request);
      const isScan = SCANS.has(kind);
      if (mayWait(request)) {
        leave = this.limits.wait(isScan, client);
      } else {
        const gate = this.limits.gate(isScan);
        const entering = gate.enter(client, () => isGone(raw));
        if (entering !== undefined) await entering;
        leave = () => gate.leave(client);
      }
      const reader = new RequestReader(client, () => (open ??= this.requests.begin(raw)).signal);
      const answer = await query(
        store === undefined ? (undefined as never) : { ...(await this.asked(kind, store, request, response)), reader },
      );
      if ('stream' in answer && request.method === 'HEAD') {
        await answer.probe();
        ResponseStream.head(response, answer.contentType, answer.headers);
      } else if ('stream' in answer) {
        // A body that is read slowly must not keep others waiting.
        leave();
        leave = undefined;
        isStream = true;
        return await this.limits.whileStreaming(client, () => this.counted(kind, answer.stream));
      } else {
        ({ status } = answer);
        this.answers.send(response, answer, client);
      }
    } catch (error) {
      ({ status } = problemDocument(error, request.originalUrl));
      throw error;
    } finally {
      open?.close();
      leave?.();
      // The names that clients make up must not become label values.
      const label = store === undefined ? '' : queries.has(store) ? store : 'unknown';
      metrics.add('streams_query_requests_total', { store: label, kind, status: String(status) }, 1);
      const seconds = (performance.now() - startedAt) / 1000;
      if (!isStream) metrics.observe('streams_query_latency_seconds', { store: label, kind }, seconds);
    }
  }

  /** Reports how many streams of a kind are open. */
  private async counted(kind: QueryKind, stream: () => Promise<void>): Promise<void> {
    const change = (by: number): void => {
      const open = (this.streams.get(kind) ?? 0) + by;
      this.streams.set(kind, open);
      this.options.metrics.set('streams_query_streams', { kind }, open);
    };
    change(1);
    try {
      await stream();
    } finally {
      change(-1);
    }
  }

  /** @throws QueryError `store-not-found`, and what the guards of the store throw */
  private async asked(
    kind: QueryKind,
    store: string,
    request: QueryRequest,
    response: QueryResponse,
  ): Promise<Omit<Asked, 'reader'>> {
    const definition = this.options.queries.definitionOf(store);
    const policy = this.policyOf(definition);
    if (policy.isGuarded) {
      const route = { controller: this.options.controller, storeClass: policy.class, kind };
      await policy.guard(guardContext(route, request, response));
    }
    return { definition, policy };
  }
}

function partial(unreachable: readonly object[]): { readonly unreachable?: readonly object[] } {
  return unreachable.length > 0 ? { unreachable } : {};
}
