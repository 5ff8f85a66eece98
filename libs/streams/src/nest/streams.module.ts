import {
  ConfigurableModuleBuilder,
  Module,
  Scope,
  type CanActivate,
  type DynamicModule,
  type Provider,
  type Type,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { FEATURE_OPTIONS, optionProblems } from '../config/decorator-option-tables.js';
import { readOnlyStoreToken } from '../decorators/inject-read-only-store.decorator.js';
import { stateStoreOptionsOf, type StateStoreClass } from '../decorators/state-store.decorator.js';
import { streamProcessorOptionsOf } from '../decorators/stream-processor.decorator.js';
import { ConfigurationError } from '../errors/configuration-error.js';
import { guardsOf } from '../query/http/store-guards.js';
import { storesController } from '../query/http/stores-controller.js';
import { cursorSecret } from '../query/scan/page-cursor.js';
import { StreamsQueryService } from '../query/streams-query.service.js';
import { storeOfRequest } from './handlers/task-injection.js';
import { endpointModules, importProblems } from './import-options.js';
import { PeerCalls } from './peer-calls.js';
import { ReadOnlyStore } from './read-only-store.js';
import { RecordProducer } from './record-producer.js';
import { StreamsHost } from './streams-host.js';
import { EXTRA_DEFAULTS, type StreamsModuleExtras, type StreamsModuleOptions } from './streams-module-options.js';
import { STREAMS_IMPORT_PROBLEMS, STREAMS_OPTIONS, STREAMS_RUNTIME } from './tokens.js';
import { TopicAdmin } from './topic-admin.js';

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<StreamsModuleOptions>({ optionsInjectionToken: STREAMS_OPTIONS })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createStreamsOptions')
    .setExtras<StreamsModuleExtras>(EXTRA_DEFAULTS, (definition, extras) => ({
      ...definition,
      global: extras.isGlobal ?? EXTRA_DEFAULTS.isGlobal,
    }))
    .build();

/** What `StreamsModule.forFeature` registers. */
export interface StreamsFeature {
  readonly processors?: readonly Type<object>[];
  readonly stores?: readonly StateStoreClass[];
  /** Modules whose exports the processors inject. */
  readonly imports?: DynamicModule['imports'];
  /** Further providers of the processors. */
  readonly providers?: readonly Provider[];
}

/** What `forRoot` provides once. It belongs to the definition of `forRoot`, because `forFeature` returns a module of the same class. */
const CORE_PROVIDERS: readonly Provider[] = [
  StreamsHost,
  { provide: STREAMS_RUNTIME, useExisting: StreamsHost },
  {
    provide: RecordProducer,
    useFactory: (host: StreamsHost) => new RecordProducer(() => host.openLogInUse()),
    inject: [StreamsHost],
  },
  {
    provide: TopicAdmin,
    useFactory: (host: StreamsHost) => new TopicAdmin(() => host.openLogInUse()),
    inject: [StreamsHost],
  },
  PeerCalls,
  {
    provide: StreamsQueryService,
    useFactory: (host: StreamsHost, calls: PeerCalls) => queryService(host, calls, false),
    inject: [StreamsHost, PeerCalls],
  },
];
const CORE_EXPORTS = [StreamsHost, STREAMS_RUNTIME, RecordProducer, TopicAdmin, StreamsQueryService, PeerCalls];

/** Local state for Kafka streams: `forRoot` once, `forFeature` wherever there are stores and processors. */
@Module({})
export class StreamsModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return withEndpoints(super.forRoot(options), options, importProblems(options, 'forRoot'));
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return withEndpoints(super.forRootAsync(options), options, importProblems(options, 'forRootAsync'));
  }

  /** @throws ConfigurationError for classes without their decorator. */
  static forFeature(feature: StreamsFeature): DynamicModule {
    const invalid = optionProblems('StreamsModule.forFeature', feature, FEATURE_OPTIONS);
    if (invalid.length > 0) throw new ConfigurationError(invalid);
    const { processors = [], stores = [], imports = [], providers = [] } = feature;
    const problems = [
      ...stores
        .filter((type) => stateStoreOptionsOf(type) === undefined)
        .map((type) => `${type.name} is listed in "stores" and has no @StateStore.`),
      ...processors
        .filter((type) => streamProcessorOptionsOf(type) === undefined)
        .map((type) => `${type.name} is listed in "processors" and has no @StreamProcessor.`),
    ];
    if (problems.length > 0) throw new ConfigurationError(problems);
    const storeProviders = stores.flatMap(providersOfStore);
    const content: DynamicModule = {
      module: featureModule([...processors, ...stores]),
      imports: [...imports],
      providers: [...processors, ...storeProviders, ...guardProviders(stores, providers, imports), ...providers],
      exports: storeProviders,
    };
    // Nest looks for a module to export by its class: `exports: [StreamsModule]` finds this one.
    return { module: StreamsModule, imports: [content], exports: [content] };
  }
}

/** Makes the module of one `forFeature`. Nest's injection faults name it, so its name is the call in the user's code and lists what it holds. */
function featureModule(classes: readonly Type<object>[]): Type<object> {
  @Module({})
  class StreamsFeatureModule {}
  const names = classes.map(({ name }) => name).join(', ');
  Object.defineProperty(StreamsFeatureModule, 'name', { value: `StreamsModule.forFeature(${names})` });
  return StreamsFeatureModule;
}

/**
 * Guard classes of the stores: providers of the feature, unless it already provides or imports them. An import that cannot be read yet may export
 * any of them; a guard that nothing exports is made of the module of the endpoints then.
 */
function guardProviders(
  stores: readonly StateStoreClass[],
  providers: readonly Provider[],
  imports: NonNullable<StreamsFeature['imports']>,
): Provider[] {
  const provided = new Set<unknown>(
    providers.map((provider) => (typeof provider === 'function' ? provider : provider.provide)),
  );
  const exported = imports.map((module) => exportsOf(module));
  const guards = new Set(stores.flatMap((store) => guardsOf(store)));
  return [...guards].filter(
    (guard): guard is Type<CanActivate> =>
      typeof guard === 'function' &&
      !provided.has(guard) &&
      !exported.some((tokens) => tokens.has(guard) || tokens.has(UNREADABLE)),
  );
}

/** Among the exports of a module that is a promise, or behind a `forwardRef` whose class does not exist yet. */
const UNREADABLE = Symbol('unreadable');

/** What a module exports, by itself and through modules that it exports again. */
function exportsOf(module: unknown, seen = new Set<unknown>()): Set<unknown> {
  if (module === undefined || module === null || module instanceof Promise) return seen.add(UNREADABLE);
  if (seen.has(module)) return seen;
  seen.add(module);
  const { module: type, exports: own = [] } = module as Partial<DynamicModule>;
  if (typeof type === 'function') exportsOf(type, seen);
  const { forwardRef } = module as { forwardRef?: () => unknown };
  if (typeof forwardRef === 'function') exportsOf(referred(forwardRef), seen);
  const declared =
    typeof module === 'function' ? ((Reflect.getMetadata('exports', module) as unknown[] | undefined) ?? []) : [];
  for (const each of [...(Array.isArray(own) ? own : []), ...declared])
    if (typeof each === 'object' && each !== null && 'provide' in each) seen.add(each.provide);
    else exportsOf(each, seen);
  return seen;
}

/** @returns undefined while modules are loaded in a circle. */
function referred(forwardRef: () => unknown): unknown {
  try {
    return forwardRef();
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function providersOfStore(type: StateStoreClass): Provider[] {
  const { name } = stateStoreOptionsOf(type)!;
  return [
    {
      provide: type,
      scope: Scope.REQUEST,
      useFactory: (request: unknown) => storeOfRequest(request, name, type.name),
      inject: [REQUEST],
    },
    {
      provide: readOnlyStoreToken(type),
      useFactory: (host: StreamsHost, calls: PeerCalls) =>
        new ReadOnlyStore(host, queryService(host, calls, true), name),
      inject: [StreamsHost, PeerCalls],
    },
  ];
}

function queryService(host: StreamsHost, calls: PeerCalls, includesPrivate: boolean): StreamsQueryService {
  return new StreamsQueryService(host, {
    network: () => calls.network,
    reads: calls.reads,
    cursorSecret: () => cursorSecret(host.config),
    includesPrivate,
  });
}

/** Endpoints whose options are wrong are left out: `StreamsHost` stops that start, and lists everything. */
function withEndpoints(definition: DynamicModule, extras: StreamsModuleExtras, problems: string[]): DynamicModule {
  const isValid = problems.length === 0;
  return {
    ...definition,
    imports: [...(definition.imports ?? []), ...(isValid ? endpointModules(extras, problems) : [])],
    exports: [...(definition.exports ?? []), ...CORE_EXPORTS],
    controllers: [...(definition.controllers ?? []), ...(isValid ? queryControllers(extras) : [])],
    providers: [
      ...(definition.providers ?? []),
      ...CORE_PROVIDERS,
      { provide: STREAMS_IMPORT_PROBLEMS, useValue: problems },
    ],
  };
}

function queryControllers({ query = EXTRA_DEFAULTS.query }: StreamsModuleExtras): Type<object>[] {
  if (query === false) return [];
  const { path, ...limits } = query === true ? {} : query;
  return [storesController(path, limits)];
}
