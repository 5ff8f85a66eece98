import { PauseScopeError } from '../../errors/pause-scope-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds, parseTaskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';
import type { PauseFile } from '../state-directory/pause-file.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { Task } from '../task/task.js';

/** What is paused: a processor by its name, or by that of its class, or a task by its id; absent: all that this instance runs. */
export type PauseScope = { readonly processor: string } | { readonly task: TaskId };

/** Where pauses are kept over a restart. */
export interface PauseStorage {
  load(): PauseFile;
  save(file: PauseFile): void;
}

/**
 * What this instance does not process for the time being. A pause holds the records of a source topic back at a record boundary; commits, restores,
 * standbys, rebalances and queries go on (compare KIP-834). It belongs to the instance: a task that moves is processed where it goes.
 */
export class Pauses {
  private instance = false;
  private readonly processors = new Set<string>();
  private readonly tasks = new Set<TaskId>();
  /** Names of the processors that records of each source topic reach. */
  private readonly reached: ReadonlyMap<string, ReadonlySet<string>>;
  private isOpen = false;

  constructor(
    private readonly topology: Topology,
    private readonly storage: PauseStorage,
    private readonly logger: StreamsLogger,
  ) {
    this.reached = reachedFrom(topology);
  }

  get all(): readonly ('instance' | PauseScope)[] {
    return [
      ...(this.instance ? (['instance'] as const) : []),
      ...[...this.processors].sort().map((processor) => ({ processor })),
      ...[...this.tasks].sort(compareTaskIds).map((task) => ({ task })),
    ];
  }

  /** Adds what the last run of this instance left; called once the state directory is taken. @throws StateDirectoryError */
  open(): void {
    const { instance, processors, tasks } = this.storage.load();
    this.instance ||= instance;
    for (const processor of processors) {
      if (this.matches(processor).length > 0) this.processors.add(processor);
      else this.logger.warn(`The processor "${processor}" was paused and does not exist any more.`);
    }
    for (const task of tasks) {
      if (this.hasTask(task)) this.tasks.add(task);
      else this.logger.warn(`The task ${task} was paused and does not exist any more.`);
    }
    this.isOpen = true;
    this.save();
    if (this.all.length > 0) this.logger.warn(`Paused as before: ${this.describe()}.`);
  }

  /** Takes effect with `applyTo`. @throws PauseScopeError, StateDirectoryError; nothing is changed then. */
  set(scope: PauseScope | undefined, isPaused: boolean): void {
    this.check(scope);
    const before = this.file();
    this.change(scope, isPaused);
    try {
      this.save();
    } catch (error) {
      this.take(before);
      throw error;
    }
  }

  /** @throws PauseScopeError */
  has(scope: PauseScope | undefined): boolean {
    this.check(scope);
    if (scope === undefined) return this.instance;
    return 'task' in scope ? this.tasks.has(scope.task) : this.processors.has(scope.processor);
  }

  /** Whether records of the topic wait in this task. A processor that shares its topic with others waits together with them: they share its offset. */
  holds(task: TaskId, topic: string): boolean {
    if (this.instance || this.tasks.has(task)) return true;
    if (this.processors.size === 0) return false;
    const reached = this.reached.get(topic);
    return [...this.processors].some((processor) => this.matches(processor).some((name) => reached?.has(name)));
  }

  /** Between two rounds of the loop. */
  applyTo(tasks: readonly Task[]): void {
    for (const { id, records } of tasks) for (const queue of records.queues) this.applyToQueue(id, queue);
  }

  applyToQueue(task: TaskId, queue: SourceQueue): void {
    queue.isPaused = this.holds(task, queue.topic);
  }

  private check(scope: PauseScope | undefined): void {
    if (scope === undefined) return;
    if ('task' in scope) {
      if (!this.hasTask(scope.task))
        throw new PauseScopeError(
          `task "${String(scope.task)}"`,
          this.topology.subTopologies.map(({ id }) => `${id}_<partition>`),
        );
    } else if (this.matches(scope.processor).length === 0)
      throw new PauseScopeError(`processor "${String(scope.processor)}"`, this.names());
  }

  private change(scope: PauseScope | undefined, isPaused: boolean): void {
    if (scope === undefined) this.instance = isPaused;
    else if ('task' in scope) put(this.tasks, scope.task, isPaused);
    else put(this.processors, scope.processor, isPaused);
  }

  private take({ instance, processors, tasks }: PauseFile): void {
    this.instance = instance;
    this.processors.clear();
    this.tasks.clear();
    for (const processor of processors) this.processors.add(processor);
    for (const task of tasks) this.tasks.add(task as TaskId);
  }

  private file(): PauseFile {
    return { instance: this.instance, processors: [...this.processors], tasks: [...this.tasks] };
  }

  private save(): void {
    if (this.isOpen) this.storage.save(this.file());
  }

  private hasTask(id: string): id is TaskId {
    const parsed = parseTaskId(id);
    return parsed !== undefined && this.topology.subTopologies.some((sub) => sub.id === parsed.subTopology);
  }

  /** Of a Nest class `C`, the processors are called `C.method`. */
  private matches(processor: string): string[] {
    return this.names().filter((name) => name === processor || name.startsWith(`${processor}.`));
  }

  private names(): string[] {
    return this.topology.subTopologies.flatMap((sub) => sub.processors.map(({ name }) => name));
  }

  private describe(): string {
    return this.all
      .map((each) =>
        each === 'instance' ? 'the instance' : 'task' in each ? `task ${each.task}` : `processor ${each.processor}`,
      )
      .join(', ');
  }
}

function put<T>(set: Set<T>, element: T, isIn: boolean): void {
  if (isIn) set.add(element);
  else set.delete(element);
}

function reachedFrom(topology: Topology): Map<string, Set<string>> {
  const reached = new Map<string, Set<string>>();
  for (const { sources } of topology.subTopologies)
    for (const { name, topic } of sources) {
      const names = reached.get(topic) ?? new Set<string>();
      reached.set(topic, names);
      const open = [name];
      for (let next = open.pop(); next !== undefined; next = open.pop())
        for (const child of topology.childrenOf(next)) {
          if (names.has(child.name)) continue;
          names.add(child.name);
          open.push(child.name);
        }
    }
  return reached;
}
