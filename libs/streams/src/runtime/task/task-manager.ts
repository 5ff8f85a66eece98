import { LogError } from '../../errors/log-error.js';
import { runAll } from '../../errors/run-all.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds } from '../../topology/task-id.js';
import type { Restorer } from '../restore/restorer.js';
import type { StartPositions } from './start-positions.js';
import type { StandbyFollower } from '../restore/standby-follower.js';
import { untilAnswered } from '../retry.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import type { Task } from './task.js';
import type { TaskFactory } from './task-factory.js';
import type { GroupAssignment } from '../group/group-assignment.js';
import type { Tenure } from '../group/tenure.js';
import type { ProcessingLoop } from '../processing/processing-loop.js';
import type { TaskInput } from '../processing/task-input.js';

export interface TaskManagerOptions {
  readonly factory: TaskFactory;
  readonly assignment: GroupAssignment;
  readonly restorer: Restorer;
  readonly follower: StandbyFollower;
  readonly input: TaskInput;
  readonly directory: StateDirectory;
  readonly positions: StartPositions;
  readonly loop: () => ProcessingLoop;
  readonly cacheMaxBytes: number;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
  readonly onFailure: (error: unknown) => void;
  /** A task began or ceased to run. */
  readonly onChange: () => void;
}

const NONE: readonly Task[] = Object.freeze([]);

/** A task on its way to run. */
interface Activation {
  readonly controller: AbortController;
  /** Settles when its stores are left alone. */
  readonly broughtUp: Promise<void>;
}

/** Creates, activates, suspends and closes the tasks of this instance. */
export class TaskManager {
  private readonly tasks = new Map<TaskId, Task>();
  private readonly copies = new Map<TaskId, Task>();
  private running: readonly Task[] = [];
  private readonly activations = new Map<Task, Activation>();
  private fenced: Promise<void> = Promise.resolve();
  private granted: Tenure | undefined;

  constructor(private readonly options: TaskManagerOptions) {}

  get all(): readonly Task[] {
    return [...this.tasks.values()].sort((a, b) => compareTaskIds(a.id, b.id));
  }

  /** Tasks that run elsewhere, and whose stores are kept up to date here. */
  get standbys(): readonly Task[] {
    return [...this.copies.values()].sort((a, b) => compareTaskIds(a.id, b.id));
  }

  /** Whether the task's folder is in use. */
  has(id: TaskId): boolean {
    return this.tasks.has(id) || this.copies.has(id);
  }

  /** Tasks that could run here, now or as standbys that are taken over, without much to restore. */
  get ready(): readonly TaskId[] {
    const { follower } = this.options;
    const { tenure } = this;
    // A task that recovers lacks no more than its own last commits.
    const owned = this.all.filter(
      (task) => task.state.is('running') || (tenure !== undefined && task.ranIn === tenure),
    );
    return [...owned, ...this.standbys.filter((task) => follower.isReady(task))].map(({ id }) => id);
  }

  /** The live tenure in which the tasks run; undefined while they have to wait for the next assignment. */
  get tenure(): Tenure | undefined {
    return this.granted?.isLive === true ? this.granted : undefined;
  }

  /** Tasks that process records. */
  get active(): readonly Task[] {
    return this.tenure === undefined ? NONE : this.running;
  }

  get(id: TaskId): Task | undefined {
    return this.tasks.get(id);
  }

  /** A task that runs elsewhere, whose stores are kept up to date here. */
  standby(id: TaskId): Task | undefined {
    return this.copies.get(id);
  }

  /**
   * Adds the assigned tasks that are not here yet, standbys among them that are taken over as they are, and activates in the background those that
   * do not run; the others go on. Whatever is not assigned was released before, and tasks of another tenure were suspended.
   * @param ready settles when nobody else can change their changelogs and offsets any more.
   */
  async assign(ids: readonly TaskId[], tenure: Tenure, ready: Promise<void>): Promise<void> {
    // Met where a task is brought up; until then, or without one, nobody waits for it.
    ready.catch(() => undefined);
    this.fenced = ready;
    this.granted = tenure;
    for (const id of ids)
      if (!this.tasks.has(id)) this.tasks.set(id, (await this.takeOver(id)) ?? (await this.open(id)));
    this.divideCache();
    for (const task of this.all) {
      if (!task.state.is('created', 'suspended', 'standby')) continue;
      if (!task.hasUserCode) await task.createUserCode();
      this.activate(task, tenure);
    }
  }

  /** Keeps the copies of these tasks up to date, and closes all others. */
  async keepStandbys(ids: readonly TaskId[]): Promise<void> {
    const closed = this.standbys.filter(({ id }) => !ids.includes(id));
    await runAll(
      closed.map((task) => async () => {
        await this.takeOver(task.id);
        await this.close(task);
      }),
    );
    for (const id of ids) if (!this.has(id)) this.follow(await this.open(id));
    this.options.onChange();
  }

  /**
   * Stops tasks, and closes those that are not to stay as standbys; called inside `exclusive`, after their work was committed or discarded.
   */
  async release(tasks: readonly Task[], standbys: readonly TaskId[]): Promise<void> {
    await this.stop(tasks);
    const steps = tasks.map((task) => async () => {
      if (!standbys.includes(task.id)) return this.close(task);
      this.tasks.delete(task.id);
      await this.closeUserCodeOf(task);
      task.stores.discard();
      this.follow(task);
    });
    try {
      await runAll(steps);
    } finally {
      this.divideCache();
      this.refresh();
    }
  }

  /** Stops the tasks at a record boundary; called inside `exclusive`, after their work was committed or discarded. */
  async suspend(): Promise<void> {
    await this.stop(this.all);
    for (const task of this.all) if (task.records.watch.hasLateHandler) await this.renew(task);
  }

  /**
   * Activates suspended tasks again, without their uncommitted work; what the engines hold is checked against the changelogs first.
   * @returns false without a live tenure: the tasks then stay suspended until the next assignment.
   */
  restart(): boolean {
    this.discard();
    const { tenure } = this;
    if (tenure === undefined) return false;
    for (const task of this.all)
      if (task.hasUserCode && task.state.is('suspended', 'created')) this.activate(task, tenure);
    return true;
  }

  /** As `restart`, with new user code for one task, or for all, which then handles nothing for a while. */
  async replace(id: TaskId | undefined, waitMs: number): Promise<boolean> {
    this.discard();
    for (const task of this.all) {
      if (id !== undefined && task.id !== id) continue;
      await this.closeUserCodeOf(task);
      await task.createUserCode();
      task.records.startAnew(waitMs);
    }
    return this.restart();
  }

  /** Forgets what suspended tasks have not committed. */
  discard(): void {
    for (const task of this.all) task.stores.discard();
  }

  /** For damage that a query met: a copy is emptied and followed anew, beside everything else; for a task the loop recovers. */
  damaged(error: StoreCorruptedError): void {
    if (!this.restoresStandby(error)) this.options.loop().recoverFrom(error);
  }

  /** Deletes the data of one damaged store, which the next activation restores. The task may have become a standby since the damage was found. */
  async wipe(error: StoreCorruptedError): Promise<void> {
    if (this.restoresStandby(error)) return;
    const damaged = this.all
      .filter((task) => task.id === error.taskId)
      .flatMap((task) => task.stores.get(error.store) ?? []);
    for (const task of this.all) if (task.id === error.taskId) task.ranIn = undefined;
    for (const { store } of damaged) {
      await store.wipe();
      await store.open();
    }
  }

  /** Calls the last hook of each task's user code. */
  async closeUserCode(): Promise<void> {
    for (const task of this.all) await this.closeUserCodeOf(task);
  }

  async closeAll(): Promise<void> {
    await this.stopActivating(this.all);
    await runAll([...this.all.map((task) => () => this.close(task)), () => this.keepStandbys([])]);
  }

  /** Replaces a task of which a handler was given up and may still run. Its stores are kept, without uncommitted work. */
  private async renew(former: Task): Promise<void> {
    former.stores.discard();
    await this.closeUserCodeOf(former);
    const task = this.options.factory.successor(former);
    // The group is told so at any moment: another member that is given the task begins it at once.
    task.tenure = former.tenure;
    this.tasks.set(task.id, task);
    await task.createUserCode();
  }

  /** @returns false if the damaged store belongs to no standby. */
  private restoresStandby(error: StoreCorruptedError): boolean {
    const standby = this.standbys.find(({ id }) => id === error.taskId);
    if (standby !== undefined) this.options.follower.mend(standby, error);
    return standby !== undefined;
  }

  private follow(task: Task): void {
    // A task that was taken over and never activated is a standby still.
    if (!task.state.is('standby')) task.state.transition('standby');
    this.copies.set(task.id, task);
    for (const { store } of task.stores.all) store.setBufferLimit(0);
    this.options.follower.follow(task);
  }

  /** @returns a standby whose stores nobody writes any more. */
  private async takeOver(id: TaskId): Promise<Task | undefined> {
    const task = this.copies.get(id);
    if (task === undefined) return undefined;
    this.copies.delete(id);
    await this.options.follower.unfollow(task);
    return task;
  }

  private async open(id: TaskId): Promise<Task> {
    const { factory, assignment, logger, metrics } = this.options;
    const { sub, partition } = assignment.locate(id);
    const task = factory.create(sub, partition);
    for (const { store } of task.stores.all) {
      try {
        await store.open();
      } catch (error) {
        if (!(error instanceof StoreCorruptedError)) throw error;
        logger.error(error.message, error);
        metrics.add('streams_errors_total', { code: error.code }, 1);
        await store.wipe();
        await store.open();
      }
    }
    return task;
  }

  private async close(task: Task): Promise<void> {
    const { input, directory, clock } = this.options;
    this.tasks.delete(task.id);
    input.remove(task);
    await this.closeUserCodeOf(task);
    try {
      await task.stores.close();
    } finally {
      if (task.state.can('closed')) task.state.transition('closed');
      await directory.touch(task.id, clock.now());
      this.refresh();
    }
  }

  /** Its work is committed: what the last hook throws changes nothing any more. */
  private async closeUserCodeOf(task: Task): Promise<void> {
    try {
      await task.closeUserCode();
    } catch (error) {
      this.options.logger.error(`onTaskClose of task ${task.id} failed; the task is closed all the same.`, error);
    }
  }

  private async stop(tasks: readonly Task[]): Promise<void> {
    await this.stopActivating(tasks);
    for (const task of tasks) {
      this.options.input.remove(task);
      task.records.abandon();
      if (task.state.can('suspended')) task.state.transition('suspended');
    }
    this.refresh();
  }

  private activate(task: Task, tenure: Tenure): void {
    tenure.check();
    task.state.transition('restoring');
    task.tenure = tenure;
    task.isRestored = false;
    const controller = new AbortController();
    const { signal } = controller;
    const end = (): void => controller.abort(tenure.signal.reason);
    tenure.signal.addEventListener('abort', end, { once: true });
    const broughtUp = this.bringUp(task, tenure, signal);
    this.activations.set(task, { controller, broughtUp });
    // Whoever stops activations waits for the stores to be left alone, not for the loop, which may be what waits.
    void broughtUp
      .then(() => this.enter(task, signal))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        const { current } = task.engineFailure;
        // A hook met it; the restore has its own way with damage.
        if (task.isRestored && current !== undefined) this.options.loop().recoverFrom(current);
        else this.options.onFailure(error);
      })
      .finally(() => tenure.signal.removeEventListener('abort', end));
  }

  /** Restores, and finds where to go on. */
  private async bringUp(task: Task, tenure: Tenure, signal: AbortSignal): Promise<void> {
    await Promise.race([this.fenced, aborted(signal)]);
    await this.options.restorer.restore(task, signal);
    await this.options.positions.find(task, tenure, signal);
    signal.throwIfAborted();
    await task.onRestored();
  }

  /** Hands the task to the loop. */
  private async enter(task: Task, signal: AbortSignal): Promise<void> {
    const { loop, input } = this.options;
    const what = `take the positions of task ${task.id}`;
    await loop().exclusive(async () => {
      if (signal.aborted) return;
      await untilAnswered(this.options, signal, what, () => input.add(task));
      task.state.transition('running');
      task.ranIn = task.tenure;
      this.activations.delete(task);
      this.refresh();
    });
  }

  /** What waits for the log to bring tasks up gives up; for a stop. */
  endActivations(): Promise<void> {
    return this.stopActivating(this.all);
  }

  private async stopActivating(tasks: readonly Task[]): Promise<void> {
    const reason = new LogError('migrated', 'LOG_NOT_A_MEMBER', 'The task was taken back before it ran.');
    const stopped = tasks.flatMap((task) => {
      const activation = this.activations.get(task);
      this.activations.delete(task);
      activation?.controller.abort(reason);
      return activation?.broughtUp ?? [];
    });
    await Promise.allSettled(stopped);
  }

  private refresh(): void {
    this.running = this.all.filter((task) => task.state.is('running'));
    this.options.onChange();
  }

  private divideCache(): void {
    const stores = this.all.flatMap((task) => task.stores.all);
    for (const { store } of stores) store.setBufferLimit(Math.floor(this.options.cacheMaxBytes / stores.length));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
