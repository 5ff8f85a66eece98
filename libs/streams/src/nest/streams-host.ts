import {
  Inject,
  Injectable,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ExternalContextCreator, ModuleRef, ModulesContainer } from '@nestjs/core';
import { processEnvironment, resolveConfig } from '../config/resolve-config.js';
import { ConfigurationError } from '../errors/configuration-error.js';
import type { Log, TopicPartition } from '../log/log.js';
import { noMetrics, type StreamsMetrics } from '../observability/streams-metrics.js';
import { StreamsInstance } from '../runtime/instance/streams-instance.js';
import { loadInstanceFile } from '../runtime/state-directory/instance-file.js';
import type { InstanceState, QueryableStore, TaskStatus } from '../runtime/instance-status.js';
import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import { memoryEngine } from '../stores/engines/memory/memory-engine.js';
import { rocksDbEngine } from '../stores/engines/rocksdb/rocksdb-engine-factory.js';
import type { StoreEngineFactory } from '../stores/store-engine.js';
import { SystemClock } from '../time/system-clock.js';
import type { Topology } from '../topology/topology.js';
import { ProblemList } from './explore/problem-list.js';
import { exploreTopology } from './explore/topology-explorer.js';
import { ProcessorSuppliers } from './handlers/processor-suppliers.js';
import { TaskInjection } from './handlers/task-injection.js';
import { NestStreamsLogger } from './nest-logger.js';
import { openLog } from './open-log.js';
import { MODULE_OPTION_KEYS, type StreamsModuleOptions } from './streams-module-options.js';
import { STREAMS_METRICS_PORT, STREAMS_OPTIONS } from './tokens.js';

type StateListener = (state: InstanceState, previous: InstanceState) => void;

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
  private readonly listeners = new Set<StateListener>();
  private readonly suppliers: ProcessorSuppliers;
  private instance: StreamsInstance | undefined;
  private log: Promise<Log> | undefined;

  constructor(
    @Inject(STREAMS_OPTIONS) private readonly options: StreamsModuleOptions,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ModuleRef) moduleRef: ModuleRef,
    @Inject(ExternalContextCreator) external: ExternalContextCreator,
    @Optional() @Inject(STREAMS_METRICS_PORT) private readonly metrics: StreamsMetrics = noMetrics,
  ) {
    this.suppliers = new ProcessorSuppliers(new TaskInjection(moduleRef), external);
  }

  /** @throws ConfigurationError listing every problem of options and decorators. */
  async onModuleInit(): Promise<void> {
    if (this.instance !== undefined) return;
    const problems = new ProblemList();
    const engines = this.engines(problems);
    const config = problems.attempt('options', () =>
      resolveConfig(this.options, {
        ...processEnvironment((stateDir, id) => loadInstanceFile(stateDir, id).generatedInstanceId),
        extraKeys: MODULE_OPTION_KEYS,
      }),
    );
    const topology = exploreTopology(
      this.modules,
      this.suppliers,
      {
        applicationId: config?.applicationId ?? 'invalid',
        defaultEngine: this.options.defaultEngine ?? 'rocksdb',
        engines: [...engines.keys()],
      },
      problems,
    );
    if (problems.all.length > 0 || config === undefined || topology === undefined)
      throw new ConfigurationError(problems.all);
    const { clock, logger, metrics } = this;
    const log = await this.openLog();
    this.instance = new StreamsInstance({ config, topology, log, engines, clock, logger, metrics });
    for (const listener of this.listeners) this.instance.onStateChange(listener);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.start();
  }

  onModuleDestroy(): void {
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

  get applicationId(): string {
    return this.options.applicationId;
  }

  get instanceId(): string {
    return this.instance?.instanceId ?? this.options.instanceId ?? '';
  }

  /** @throws ConfigurationError before `onModuleInit`. */
  get topology(): Topology {
    if (this.instance !== undefined) return this.instance.topology;
    throw new ConfigurationError([
      'The topology was asked for before the application was initialised: await app.init().',
    ]);
  }

  get state(): InstanceState {
    return this.instance?.state ?? 'created';
  }

  get failure(): Error | undefined {
    return this.instance?.failure;
  }

  onStateChange(listener: StateListener): () => void {
    this.listeners.add(listener);
    const remove = this.instance?.onStateChange(listener);
    return () => {
      this.listeners.delete(listener);
      remove?.();
    };
  }

  async start(): Promise<void> {
    await this.instance?.start();
  }

  stopIntake(): void {
    this.instance?.stopIntake();
  }

  async drain(): Promise<void> {
    await this.instance?.drain();
  }

  async close(): Promise<void> {
    await this.instance?.close();
    // An instance that was never made has not taken the log over.
    if (this.instance === undefined) await (await this.log)?.close();
  }

  async whenRunning(): Promise<void> {
    await this.instance?.whenRunning();
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

  sourceLag(): readonly (TopicPartition & { readonly lag: number })[] {
    return this.instance?.sourceLag() ?? [];
  }

  private engines(problems: ProblemList): Map<string, StoreEngineFactory> {
    const engines = new Map<string, StoreEngineFactory>();
    for (const factory of [memoryEngine(), rocksDbEngine(this.options.rocksdb), ...(this.options.engines ?? [])]) {
      if (engines.has(factory.name))
        problems.add(`Two store engines are named "${factory.name}": rename one of "engines".`);
      engines.set(factory.name, factory);
    }
    return engines;
  }
}
