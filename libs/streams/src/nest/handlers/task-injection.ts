import { ContextIdFactory, type ModuleRef } from '@nestjs/core';
import type { ContextId } from '@nestjs/core/injector/instance-wrapper.js';
import { StoreAccessError } from '../../errors/store-access-error.js';
import type { TaskContext, TaskId } from '../../topology/processor.js';
import type { ProcessorProvider } from '../explore/provider-graph.js';

/** The request of a task's dependency injection context. A plain class, so that nothing mistakes it for an HTTP request. */
export class TaskRequest {
  constructor(
    readonly taskId: TaskId,
    private readonly contexts: readonly TaskContext[],
  ) {}

  /** The task's store; a processor may inject only those that Nest's graph showed it to use, so any of the task's nodes may answer. */
  store(name: string, className: string): object {
    for (const context of this.contexts) {
      try {
        return context.store(name) as object;
      } catch (error) {
        if (!(error instanceof StoreAccessError)) throw error;
      }
    }
    throw outsideTask(className);
  }
}

/** What a store's provider answers in a context whose request is not a task. */
export function storeOfRequest(request: unknown, name: string, className: string): object {
  if (request instanceof TaskRequest) return request.store(name, className);
  throw outsideTask(className);
}

function outsideTask(className: string): StoreAccessError {
  return new StoreAccessError(
    'STREAMS_STORE_OUTSIDE_TASK',
    className,
    `${className} was injected where no task exists. Inject it into a stream processor, or use @InjectReadOnlyStore(${className}).`,
  );
}

interface TaskInstances {
  readonly contextId: ContextId;
  readonly contexts: TaskContext[];
  readonly instances: Map<ProcessorProvider['type'], Promise<object>>;
}

/** Makes the processors of each task: one dependency injection context per task, which all its processors and their providers share. */
export class TaskInjection {
  private readonly tasks = new Map<TaskId, TaskInstances>();

  constructor(private readonly moduleRef: ModuleRef) {}

  /** The processor's instance in the task; the same for all its handlers. Singletons are shared by all tasks. */
  instanceFor(provider: ProcessorProvider, task: TaskContext): Promise<object> {
    const { token, isTransient } = provider.wrapper;
    if (provider.wrapper.isDependencyTreeStatic() && !isTransient) {
      return Promise.resolve(this.moduleRef.get<object>(token, { strict: false }));
    }
    const scope = this.enter(task);
    let instance = scope.instances.get(provider.type);
    if (instance === undefined) {
      instance = this.moduleRef.resolve<object>(token, scope.contextId, { strict: false });
      scope.instances.set(provider.type, instance);
    }
    return instance;
  }

  get contextIdOf(): (taskId: TaskId) => ContextId | undefined {
    return (taskId) => this.tasks.get(taskId)?.contextId;
  }

  /** The task is gone: its instances may be collected. */
  release(taskId: TaskId): void {
    this.tasks.delete(taskId);
  }

  private enter(task: TaskContext): TaskInstances {
    let scope = this.tasks.get(task.taskId);
    if (scope === undefined) {
      const contextId = ContextIdFactory.create();
      const contexts: TaskContext[] = [];
      this.moduleRef.registerRequestByContextId(new TaskRequest(task.taskId, contexts), contextId);
      scope = { contextId, contexts, instances: new Map() };
      this.tasks.set(task.taskId, scope);
    }
    scope.contexts.push(task);
    return scope;
  }
}
