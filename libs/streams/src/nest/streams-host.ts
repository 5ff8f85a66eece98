import {
  Inject,
  Injectable,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { processEnvironment, resolveConfig } from '../config/resolve-config.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import { ENGINE_OPTION_TABLE } from '../config/module-option-table.js';
import { OptionReader } from '../config/option-reader.js';
import { ConfigurationError } from '../errors/configuration-error.js';
import { LogError } from '../errors/log-error.js';
import type { Log, TopicPartition } from '../log/log.js';
import { metricsOf, noMetrics, type StreamsMetrics } from '../observability/streams-metrics.js';
import type { PauseScope } from '../runtime/processing/pauses.js';
import { notifyListener, type InstanceStateListener } from '../runtime/instance/state-listener.js';
import { HandlerlessInstance } from '../runtime/instance/handlerless-instance.js';
import { StreamsInstance } from '../runtime/instance/streams-instance.js';
import { loadInstanceFile, newInstanceId } from '../runtime/state-directory/instance-file.js';
import type { InstanceState, Membership, QueryableStore, TaskStatus } from '../runtime/instance-status.js';
import type { ReadableListener } from '../runtime/readable-changes.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import { memoryEngine } from '../stores/engines/memory/memory-engine.js';
import { missingRocksDbPackage } from '../stores/engines/rocksdb/load-rocksdb-binding.js';
import { rocksDbEngine } from '../stores/engines/rocksdb/rocksdb-engine-factory.js';
import type { StoreEngineFactory } from '../stores/store-engine.js';
import { SystemClock } from '../time/system-clock.js';
import type { Topology } from '../topology/topology.js';
import { ProblemList } from './explore/problem-list.js';
import { refuseLazyHandlers } from './explore/lazy-modules.js';
import { exploreTopology, hasTopology } from './explore/topology-explorer.js';
import { ProcessorSuppliers } from './handlers/processor-suppliers.js';
import { inheritanceProblems, StreamEnhancers } from './handlers/stream-enhancers.js';
import { TaskInjection } from './handlers/task-injection.js';
import { NestStreamsLogger } from './nest-logger.js';
import { openLog } from './open-log.js';
import { peerHttpProblems } from './peer-http.js';
import { EXTRA_DEFAULTS, MODULE_OPTION_KEYS, type StreamsModuleOptions } from './streams-module-options.js';
import { STREAMS_IMPORT_PROBLEMS, STREAMS_METRICS_PORT, STREAMS_OPTIONS } from './tokens.js';

/** What `StreamsHost.pause` takes: a processor by its class or by its name `Class.method`, or a task by its id. */
export type NestPauseScope = PauseScope | { readonly processor: Type };

/**
 * The instance of this process, bound to Nest's life cycle: topology and options are checked in `onModuleInit`, the instance starts in
 * `onApplicationBootstrap`, and stops in three steps so that HTTP still answers queries while it drains.
 */
@Injectable()
export class StreamsHost
  implements
    StreamsRuntime,
    OnModuleInit,
    OnApplicationBootstrap,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown
{
  private readonly clock = new SystemClock();
  private readonly logger = new NestStreamsLogger();
  private readonly listeners = new Set<InstanceStateListener>();
  private readonly suppliers: ProcessorSuppliers;
  private readonly inherited: ApplicationConfig | undefined;
  private instance: StreamsRuntime | undefined;
  private log: Promise<Log> | undefined;
  private resolved: RuntimeConfig | undefined;
  private keepAlive: NodeJS.Timeout | undefined;

  constructor(
    @Inject(STREAMS_OPTIONS) private readonly options: StreamsModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(ApplicationConfig) application: ApplicationConfig,
    @Inject(STREAMS_IMPORT_PROBLEMS) private readonly importProblems: readonly string[],
    @Optional() @Inject(STREAMS_METRICS_PORT) private readonly metrics: StreamsMetrics = noMetrics,
    @Optional() @Inject(HttpAdapterHost) private readonly http?: HttpAdapterHost,
  ) {
    this.inherited = inheritsFrom(application, options);
    this.suppliers = new ProcessorSuppliers(new TaskInjection(moduleRef), new StreamEnhancers(modules, this.inherited));
  }

  /** @throws ConfigurationError listing every problem of options and decorators; what was opened before is closed then. */
  async onModuleInit(): Promise<void> {
    if (this.instance !== undefined) return;
    try {
      this.instance = await this.createInstance();
    } catch (error) {
      // A provider that sets topics up may have opened the log already, and nobody closes an application that did not start.
      await this.close();
      throw error;
    }
    this.instance.onStateChange((state, previous) => {
      for (const listener of this.listeners) notifyListener(listener, state, previous, this.logger);
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      // A stop that arrives while the application starts is no failure of the start.
      if (this.instance === undefined || this.failure !== undefined || !isStopped(this.state)) throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    await this.handOver();
    this.stopIntake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.drain();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** The log of this process; for producers and tools beside the instance, which closes it. */
  openLog(): Promise<Log> {
    this.log ??= openLog(this.options, { clock: this.clock, logger: this.logger });
    return this.log;
  }

  /** As `openLog`, for calls that need it open. @throws LogError `fatal` once the instance has failed or stopped, which closes the log for good. */
  async openLogInUse(): Promise<Log> {
    const { failure, state, instanceId } = this;
    if (state !== 'failed' && state !== 'stopped') return this.openLog();
    const what = failure === undefined ? 'was stopped.' : `has failed: ${failure.message}.`;
    throw new LogError(
      'fatal',
      'LOG_INSTANCE_ENDED',
      `The instance "${instanceId}" ${what} Nothing is sent and no topic administered until the application is started again.`,
      { cause: failure },
    );
  }

  get batchMaxBytes(): number {
    return this.config.memory.batchMaxBytes;
  }

  get applicationId(): string {
    // A factory may have returned nothing, which `onModuleInit` reports.
    return (this.options as StreamsModuleOptions | undefined)?.applicationId ?? '';
  }

  /** The options with their defaults. @throws ConfigurationError before `onModuleInit`. */
  get config(): RuntimeConfig {
    this.initialised();
    return this.resolved as RuntimeConfig;
  }

  get instanceId(): string {
    return this.instance?.instanceId ?? this.options.instanceId ?? '';
  }

  /** @throws ConfigurationError before `onModuleInit`. */
  get topology(): Topology {
    return this.initialised().topology;
  }

  get state(): InstanceState {
    return this.instance?.state ?? 'created';
  }

  get failure(): Error | undefined {
    return this.instance?.failure;
  }

  onStateChange(listener: InstanceStateListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  onReadableChange(listener: ReadableListener): () => void {
    // Before there is an instance, no read waits.
    return this.instance?.onReadableChange(listener) ?? (() => undefined);
  }

  async start(): Promise<void> {
    // The core's timers let the process end; a headless app has nothing else that keeps it.
    this.keepAlive ??= setInterval(() => undefined, 2 ** 30);
    try {
      await this.instance?.start();
    } catch (error) {
      clearInterval(this.keepAlive);
      throw error;
    }
  }

  standbys(): readonly TaskStatus[] {
    return this.instance?.standbys() ?? [];
  }

  async handOver(): Promise<void> {
    await this.instance?.handOver();
  }

  stopIntake(): void {
    this.instance?.stopIntake();
  }

  async drain(): Promise<void> {
    await this.instance?.drain();
  }

  async close(): Promise<void> {
    clearInterval(this.keepAlive);
    await this.instance?.close();
    // An instance that was never made has not taken the log over.
    if (this.instance === undefined) await (await this.log?.catch(() => undefined))?.close();
  }

  /** @throws ConfigurationError before `onModuleInit`, and as `StreamsRuntime.whenRunning`. */
  async whenRunning(): Promise<void> {
    await this.initialised().whenRunning();
  }

  /** @throws ConfigurationError before `onModuleInit`, and as `StreamsRuntime.pause`. */
  async pause(scope?: NestPauseScope): Promise<void> {
    await this.initialised().pause(namedScope(scope));
  }

  /** @throws as `pause` */
  async resume(scope?: NestPauseScope): Promise<void> {
    await this.initialised().resume(namedScope(scope));
  }

  pauses(): readonly ('instance' | PauseScope)[] {
    return this.instance?.pauses() ?? [];
  }

  tasks(): readonly TaskStatus[] {
    return this.instance?.tasks() ?? [];
  }

  queryableStore(name: string): QueryableStore | undefined {
    return this.instance?.queryableStore(name);
  }

  queryableStores(): readonly QueryableStore[] {
    return this.instance?.queryableStores() ?? [];
  }

  get courtesy(): StreamsRuntime['courtesy'] {
    return this.instance?.courtesy;
  }

  membership(): Membership {
    return this.instance?.membership() ?? { epoch: -1, doubtMs: Infinity };
  }

  instances(): ReadonlyMap<string, string | undefined> {
    return this.instance?.instances() ?? new Map();
  }

  sourceLag(): readonly (TopicPartition & { readonly lag: number })[] {
    return this.instance?.sourceLag() ?? [];
  }

  private initialised(): StreamsRuntime {
    if (this.instance !== undefined) return this.instance;
    throw new ConfigurationError(['Streams were used before the application was initialised: await app.init().']);
  }

  private async createInstance(): Promise<StreamsRuntime> {
    const { clock, logger } = this;
    if (!isObject(this.options)) throw new ConfigurationError(['The options must be an object.']);
    const problems = new ProblemList();
    problems.add(...this.importProblems, ...misplacedExtras(this.options), ...hostProblems(this.modules));
    problems.add(...engineProblems(this.options), ...inheritanceProblems(this.inherited));
    const engines = this.engines(problems);
    const config = problems.attempt('options', () =>
      resolveConfig(this.options, {
        ...processEnvironment((stateDir, id) =>
          // An application without state leaves the directory alone.
          hasTopology(this.modules) ? loadInstanceFile(stateDir, id).generatedInstanceId : newInstanceId(),
        ),
        extraKeys: MODULE_OPTION_KEYS,
      }),
    );
    if (config !== undefined) problems.add(...peerHttpProblems(config, this.http));
    const explored = exploreTopology(
      this.modules,
      this.suppliers,
      {
        applicationId: config?.applicationId ?? 'invalid',
        defaultEngine: this.options.defaultEngine ?? 'rocksdb',
        engines: [...engines.keys()],
        lookup: (token) => this.moduleRef.get(token, { strict: false }),
      },
      problems,
    );
    problems.add(...packageProblems(explored?.topology, this.options));
    if (problems.all.length > 0 || config === undefined || explored === undefined)
      throw new ConfigurationError(problems.all);
    this.resolved = config;
    const { topology, classes } = explored;
    refuseLazyHandlers(this.modules, classes);
    const metrics = metricsOf(this.metrics, config.applicationId);
    const parts = { config, topology, log: await this.openLog(), engines, clock, logger, metrics };
    return topology.sourceTopics.length === 0 ? new HandlerlessInstance(parts) : new StreamsInstance(parts);
  }

  private engines(problems: ProblemList): Map<string, StoreEngineFactory> {
    const engines = new Map<string, StoreEngineFactory>();
    const { rocksdb, engines: further } = this.options;
    for (const factory of [memoryEngine(), rocksDbEngine(rocksdb ?? {}), ...(Array.isArray(further) ? further : [])]) {
      if (engines.has(factory.name))
        problems.add(`Two store engines are named "${factory.name}": rename one of "engines".`);
      engines.set(factory.name, factory);
    }
    return engines;
  }
}

function namedScope(scope: NestPauseScope | undefined): PauseScope | undefined {
  if (scope === undefined || !('processor' in scope) || typeof scope.processor === 'string')
    return scope as PauseScope | undefined;
  return { processor: scope.processor.name };
}

function isStopped(state: InstanceState): boolean {
  return state === 'stopping' || state === 'stopped';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `forRoot` takes the extras out of the options; a factory runs too late for them. */
function misplacedExtras(options: object): string[] {
  return Object.keys(EXTRA_DEFAULTS)
    .filter((key) => key in options)
    .map(
      (key) => `"${key}" decides at import time: give it to forRootAsync beside the factory, not in what it returns.`,
    );
}

/** Everything else in the options is read by `resolveConfig`. */
function engineProblems({ engines, rocksdb, inheritAppConfig }: StreamsModuleOptions): string[] {
  return new OptionReader({ engines, rocksdb, inheritAppConfig }, { table: ENGINE_OPTION_TABLE }).problems;
}

/** Names the optional package of the engine `rocksdb` where a store needs it. */
function packageProblems(topology: Topology | undefined, { rocksdb }: StreamsModuleOptions): string[] {
  if (topology?.stores.some(({ engine }) => engine === 'rocksdb') !== true) return [];
  const missing = missingRocksDbPackage(rocksdb?.binding);
  return missing === undefined ? [] : [missing];
}

/** Returns the configuration whose global guards, pipes and interceptors apply to handlers. */
function inheritsFrom(application: ApplicationConfig, options: unknown): ApplicationConfig | undefined {
  return isObject(options) && (options as StreamsModuleOptions).inheritAppConfig === true ? application : undefined;
}

function hostProblems(modules: ModulesContainer): string[] {
  const count = [...modules.values()].filter((module) => module.providers.get(StreamsHost)?.isAlias === false).length;
  return count <= 1
    ? []
    : [`StreamsModule.forRoot is imported ${count} times with different options: one process runs one instance.`];
}
