import { StoreAccessError } from '../../errors/store-access-error.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import { taskId } from '../../topology/task-id.js';
import type { Processor } from '../../topology/processor.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import type { SubTopology, Topology } from '../../topology/topology.js';
import type { StoreEngineFactory } from '../../stores/store-engine.js';
import { keyPlace } from '../../stores/key-value/key-place.js';
import { createStateStore } from '../../stores/state-store-factory.js';
import { WatchedEngine } from '../../stores/watched-engine.js';
import type { Clock } from '../../time/clock.js';
import { EngineFailure } from '../engine-failure.js';
import type { ErrorOrigins } from '../error-origins.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import { CurrentRecord } from '../records/current-record.js';
import { DepthFirstQueue } from '../records/depth-first-queue.js';
import { SinkWriter, type OutputPort } from '../records/output.js';
import { TaskOutput } from '../records/task-output.js';
import type { OutputTopics } from '../records/output-topics.js';
import { chunkPrefetch } from '../records/prefetch.js';
import { ProcessorRuntime, type TaskScope } from '../records/processor-runtime.js';
import { RecordLoop, type BadRecordPolicies } from '../records/record-loop.js';
import type { Pauses } from '../processing/pauses.js';
import type { SlowRecords } from '../records/slow-records.js';
import { SourceQueue } from '../records/source-queue.js';
import { UnitOfWork } from '../records/unit-of-work.js';
import { Task } from './task.js';
import { TaskStores, type TaskStore } from './task-stores.js';

export interface TaskFactoryOptions {
  readonly applicationId: string;
  readonly topology: Topology;
  readonly engines: ReadonlyMap<string, StoreEngineFactory>;
  readonly directory: StateDirectory;
  /** Tasks by sub-topology. */
  readonly taskCounts: ReadonlyMap<number, number>;
  readonly outputTopics: OutputTopics;
  /** Share of one store partition for the engine's caches. */
  readonly engineMemoryMaxBytes: number;
  readonly freezeValues: boolean;
  readonly output: OutputPort;
  readonly origins: ErrorOrigins;
  readonly clock: Clock;
  readonly badRecords: BadRecordPolicies;
  readonly slowRecords: SlowRecords;
  readonly pauses: Pauses;
  /** A task wrote a key of another partition, and `freezeValues` is off. */
  readonly onMisplacedKey: (error: StoreAccessError) => void;
  /** A query found a store damaged. */
  readonly onDamage: (error: StoreCorruptedError) => void;
}

/** Puts the parts of a task together; opens nothing. */
export class TaskFactory {
  constructor(private readonly options: TaskFactoryOptions) {}

  create(sub: SubTopology, partition: number): Task {
    const unit = new UnitOfWork(taskId(sub.id, partition));
    const failure = new EngineFailure();
    const stores = new TaskStores(
      sub.stores.map((definition) => this.store(definition, sub.id, partition, unit, failure)),
    );
    return this.assemble(sub, partition, unit, stores, failure);
  }

  /** Makes a task with the stores of `former`, whose user code may still run: all that it does from now on is refused. */
  successor(former: Task): Task {
    const { sub, partition, stores } = former;
    const unit = new UnitOfWork(former.id);
    for (const { definition, store } of stores.all) store.succeed(unit, facadeOf(definition));
    const task = this.assemble(sub, partition, unit, stores, former.engineFailure);
    task.records.succeed(former.records);
    task.ranIn = former.ranIn;
    return task;
  }

  private assemble(
    sub: SubTopology,
    partition: number,
    unit: UnitOfWork,
    stores: TaskStores,
    failure: EngineFailure,
  ): Task {
    const { topology, clock, badRecords, slowRecords, origins, pauses } = this.options;
    const output = new TaskOutput(this.options.output);
    const id = taskId(sub.id, partition);
    const scope: TaskScope = {
      taskId: id,
      record: new CurrentRecord(),
      unit,
      forwarded: new DepthFirstQueue(),
      streamTime: -1,
      isCommitRequested: false,
    };
    const loop = new RecordLoop({
      scope,
      output,
      clock,
      badRecords,
      slowRecords,
      origins,
      engineFailure: failure,
      releaseIterators: () => stores.releaseIterators(),
      changes: () => stores.changes,
      dirtyBytes: () => stores.dirtyBytes,
    });
    const sinks = new Map(sub.sinks.map((node) => [node.name, this.sink(node, output)]));
    const processors = new Map(sub.processors.map((node) => [node.name, new ProcessorRuntime(node, scope)]));
    const children = (name: string): { sinks: SinkWriter[]; processors: ProcessorRuntime[] } => {
      const names = topology.childrenOf(name).map((child) => child.name);
      return {
        sinks: names.flatMap((child) => sinks.get(child) ?? []),
        processors: names.flatMap((child) => processors.get(child) ?? []),
      };
    };
    const topics = [...new Set(sub.sources.map((source) => source.topic))];
    const queues = topics.map((topic) => {
      const sources = sub.sources.filter((source) => source.topic === topic);
      const fed = sources.map(({ name }) => children(name));
      const nodes = fed.flatMap((each) => each.processors);
      return new SourceQueue(
        sources[0]!,
        partition,
        nodes,
        fed.flatMap((each) => each.sinks),
        chunkPrefetch(
          nodes.map(({ node }) => node),
          stores,
          sources[0]!,
        ),
      );
    });
    for (const queue of queues) pauses.applyToQueue(id, queue);
    loop.wire(queues, [...processors.values()], (runtime: ProcessorRuntime, processor: Processor) => {
      const { sinks: into, processors: next } = children(runtime.node.name);
      runtime.connect(processor, into, next);
    });
    return new Task(sub, partition, stores, loop, origins, failure);
  }

  private sink(node: SubTopology['sinks'][number], output: TaskOutput): SinkWriter {
    return new SinkWriter(node, output, this.options.outputTopics.get(node.topic));
  }

  private store(
    definition: StoreDefinition,
    subTopology: number,
    partition: number,
    gate: UnitOfWork,
    failure: EngineFailure,
  ): TaskStore {
    const { engines, directory, engineMemoryMaxBytes, freezeValues, applicationId, onDamage, origins } = this.options;
    const id = taskId(subTopology, partition);
    const factory = engines.get(definition.engine)!;
    const created = factory.create({
      storeName: definition.name,
      taskId: id,
      directory: factory.isPersistent ? directory.storeDirectory(id, factory.name, definition.name) : '',
      memoryMaxBytes: engineMemoryMaxBytes,
    });
    // A cursor that user code uses after its record is user code's fault; damage never is.
    const engine = new WatchedEngine(created, (error, at) => {
      // A read of a closed store comes too late, which is the caller's fault.
      const isOfCaller = at !== 'engine' || error instanceof StoreAccessError;
      if (isOfCaller && !(error instanceof StoreCorruptedError)) return error;
      failure.met(error);
      return origins.fromRuntime(error);
    });
    const facade = facadeOf(definition);
    return {
      definition,
      store: createStateStore(definition, engine, {
        freezeValues,
        gate,
        onDamage,
        place: keyPlace({
          definition,
          partition,
          partitionCount: this.options.taskCounts.get(subTopology) ?? 1,
          onMisplaced: freezeValues ? undefined : this.options.onMisplacedKey,
        }),
        ...(facade === undefined ? {} : { facade }),
      }),
      changelog: definition.changelog.isEnabled ? changelogTopic(applicationId, definition.name) : undefined,
    };
  }
}

function facadeOf({ storeClass }: StoreDefinition): object | undefined {
  return storeClass === undefined ? undefined : new (storeClass as new () => object)();
}
