import type { Processor, ProcessorSupplier, TaskContext, TaskLifecycle } from '../../topology/processor.js';
import type { HandlerMethod } from '../explore/handler-methods.js';
import type { ProcessorProvider } from '../explore/provider-graph.js';
import { handlerCall } from './handler-invoker.js';
import type { StreamEnhancers } from './stream-enhancers.js';
import type { TaskInjection } from './task-injection.js';

const HOOKS = ['onTaskInit', 'onRestoreStart', 'onRestoreProgress', 'onRestored', 'onFlush', 'onTaskClose'] as const;

/** Suppliers whose user code comes from Nest's container. */
export class ProcessorSuppliers {
  private readonly lifecycles = new WeakMap<object, Map<string, TaskLifecycle>>();

  constructor(
    private readonly injection: TaskInjection,
    private readonly enhancers: StreamEnhancers,
  ) {}

  supplierFor(provider: ProcessorProvider, method: HandlerMethod): ProcessorSupplier {
    return {
      create: async (task): Promise<Processor> => {
        const instance = await this.injection.instanceFor(provider, task);
        const { wrapper } = provider;
        const contextId = wrapper.isDependencyTreeStatic() ? undefined : this.injection.contextIdOf(task.taskId);
        const call = handlerCall({ instance, wrapper, contextId }, method.name, this.enhancers);
        return { process: call, lifecycle: this.lifecycleOf(instance, task) };
      },
    };
  }

  /** One object for all handlers of an instance in a task, so that each hook is called once. */
  private lifecycleOf(instance: object, task: TaskContext): TaskLifecycle {
    let ofInstance = this.lifecycles.get(instance);
    if (ofInstance === undefined) this.lifecycles.set(instance, (ofInstance = new Map<string, TaskLifecycle>()));
    let lifecycle = ofInstance.get(task.taskId);
    if (lifecycle === undefined) {
      lifecycle = this.bind(instance as TaskLifecycle, task, ofInstance);
      ofInstance.set(task.taskId, lifecycle);
    }
    return lifecycle;
  }

  private bind(instance: TaskLifecycle, task: TaskContext, known: Map<string, TaskLifecycle>): TaskLifecycle {
    const bound: TaskLifecycle = {};
    for (const hook of HOOKS) {
      const own = instance[hook];
      if (typeof own === 'function') bound[hook] = (own as (argument: unknown) => unknown).bind(instance);
    }
    const onTaskClose = bound.onTaskClose?.bind(bound);
    bound.onTaskClose = (closing) => {
      known.delete(task.taskId);
      this.injection.release(task.taskId);
      return onTaskClose?.(closing);
    };
    return bound;
  }
}
