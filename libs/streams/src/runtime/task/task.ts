import { runAll } from '../../errors/run-all.js';
import { StoreAccessError } from '../../errors/store-access-error.js';
import type { TopicPartition } from '../../log/log.js';
import { taskId } from '../../topology/task-id.js';
import type { RestoreProgress, TaskContext, TaskId, TaskLifecycle } from '../../topology/processor.js';
import type { ProcessorNode, SubTopology } from '../../topology/topology.js';
import type { TaskState, TaskStatus } from '../instance-status.js';
import type { Tenure } from '../group/tenure.js';
import type { EngineFailure } from '../engine-failure.js';
import type { ErrorOrigins } from '../error-origins.js';
import { StateMachine } from '../state-machine.js';
import { RecordLoop } from '../records/record-loop.js';
import { TASK_TRANSITIONS } from './task-state.js';
import type { TaskStores } from './task-stores.js';

/**
 * One partition of one sub-topology: its stores, its user code and the records waiting for it. The instance decides when it runs; the
 * task knows how.
 */
export class Task {
  readonly id: TaskId;
  readonly state: StateMachine<TaskState>;
  /** Progress of stores that restore right now, by name. */
  readonly restoring = new Map<string, RestoreProgress>();
  /** Whether the stores held all of their changelogs when the task last ran. */
  isRestored = false;
  hasUserCode = false;
  /** In which it was last activated. */
  tenure: Tenure | undefined;
  /** In which it last ran, with the stores it still has. Nobody else has written its changelogs as long as that tenure lives. */
  ranIn: Tenure | undefined;
  private lifecycles: readonly TaskLifecycle[] = [];

  constructor(
    readonly sub: SubTopology,
    readonly partition: number,
    readonly stores: TaskStores,
    readonly records: RecordLoop,
    private readonly origins: ErrorOrigins,
    /** Of the engines of its stores; nothing is committed while there is one. */
    readonly engineFailure: EngineFailure,
  ) {
    this.id = taskId(sub.id, partition);
    this.state = new StateMachine<TaskState>(`Task ${this.id}`, TASK_TRANSITIONS, 'created');
  }

  get sourcePartitions(): TopicPartition[] {
    return this.records.queues.map(({ topic }) => ({ topic, partition: this.partition }));
  }

  /** Makes the user code and calls `onTaskInit`. May be called again after it failed. */
  async createUserCode(): Promise<void> {
    if (this.lifecycles.length > 0) await this.closeUserCode();
    this.records.beginHook();
    try {
      const lifecycles = new Set<TaskLifecycle>();
      for (const runtime of this.records.processors) {
        const processor = await runtime.node.supplier.create(this.contextFor(runtime.node));
        this.records.connect(runtime, processor);
        if (processor.lifecycle !== undefined) lifecycles.add(processor.lifecycle);
      }
      this.lifecycles = [...lifecycles];
      for (const each of this.lifecycles) await each.onTaskInit?.(this.context);
      this.hasUserCode = true;
    } finally {
      this.records.endHook();
    }
  }

  async onRestoreStart(progress: RestoreProgress): Promise<void> {
    this.restoring.set(progress.store, progress);
    for (const each of this.lifecycles) await each.onRestoreStart?.(progress);
  }

  async onRestoreProgress(progress: RestoreProgress): Promise<void> {
    this.restoring.set(progress.store, progress);
    for (const each of this.lifecycles) await each.onRestoreProgress?.(progress);
  }

  async onRestored(): Promise<void> {
    this.restoring.clear();
    this.isRestored = true;
    this.engineFailure.clear();
    this.records.beginHook();
    try {
      for (const each of this.lifecycles) await each.onRestored?.(this.context);
    } finally {
      this.records.endHook();
    }
  }

  /** Before a commit: hooks may still write to stores and forward. */
  async flush(): Promise<void> {
    if (this.lifecycles.every((each) => each.onFlush === undefined)) return;
    this.records.beginHook();
    try {
      for (const each of this.lifecycles) await each.onFlush?.(this.context);
      await this.records.drainForwarded();
      this.engineFailure.check();
    } catch (error) {
      throw this.records.runtimeErrorIn(error) ?? this.origins.fromUserCode(error);
    } finally {
      this.records.endHook();
    }
  }

  /** Calls every `onTaskClose`, and forgets the user code. Stores stay open. @throws what the hooks threw, once all were called. */
  async closeUserCode(): Promise<void> {
    const lifecycles = this.lifecycles;
    this.lifecycles = [];
    this.hasUserCode = false;
    await runAll(lifecycles.map((each) => async () => each.onTaskClose?.(this.context)));
  }

  status(): TaskStatus {
    return {
      taskId: this.id,
      partition: this.partition,
      state: this.state.state,
      sourceTopics: this.records.queues.map(({ topic }) => topic),
      pausedTopics: this.records.queues.filter(({ isPaused }) => isPaused).map(({ topic }) => topic),
      streamTime: this.records.streamTime,
      stores: this.stores.all.map(({ definition, store }) => {
        const restore = this.restoring.get(definition.name);
        return { name: definition.name, position: store.position, ...(restore ? { restore } : {}) };
      }),
    };
  }

  private get context(): TaskContext {
    return this.contextOf((name) => this.stores.get(name)?.store.facade, 'this task');
  }

  private contextFor(node: ProcessorNode): TaskContext {
    return this.contextOf(
      (name) => (node.stores.includes(name) ? this.stores.get(name)?.store.facade : undefined),
      `the processor "${node.name}"`,
    );
  }

  private contextOf(find: (name: string) => object | undefined, who: string): TaskContext {
    return {
      taskId: this.id,
      partition: this.partition,
      store: (name) => {
        const facade = find(name);
        if (facade !== undefined) return facade;
        throw new StoreAccessError(
          'STREAMS_STORE_NOT_DECLARED',
          name,
          `${who} asked for the store "${name}", which it did not declare. Connect the store to it.`,
        );
      },
    };
  }
}
