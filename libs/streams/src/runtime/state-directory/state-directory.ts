import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StreamsError } from '../../errors/streams-error.js';
import { TopologyChangedError } from '../../errors/topology-changed-error.js';
import { incompatibilities, topologyShape } from '../../topology/describe/topology-shape.js';
import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds, parseTaskId } from '../../topology/task-id.js';
import type { Topology } from '../../topology/topology.js';
import { loadInstanceFile, saveInstanceFile, type InstanceFile } from './instance-file.js';
import type { CurrencyTimes } from '../restore/store-currency.js';
import { loadCurrencyFile, saveCurrencyFile } from './currency-file.js';
import { ProcessLock } from './process-lock.js';
import { unusable } from './replace-file.js';

/** Before the name of a folder that is about to be deleted. */
const SET_ASIDE = 'deleted-';

/**
 * The folder `<stateDir>/<applicationId>` of one live instance:
 *
 *     .lock  instance.json  currency.json
 *     <task id>/<engine>/<store>/
 */
export class StateDirectory {
  private readonly path: string;

  private constructor(
    private readonly stateDir: string,
    private readonly applicationId: string,
    private readonly lock: ProcessLock,
    private file: InstanceFile,
  ) {
    this.path = join(stateDir, applicationId);
  }

  /**
   * Takes the folder for this process.
   * @throws StateDirectoryLockedError while another live process holds it, StateDirectoryError if it cannot be used.
   */
  static open(stateDir: string, applicationId: string): StateDirectory {
    const path = join(stateDir, applicationId);
    const lock = lockOf(path);
    try {
      // Under the lock: until then another instance may write it.
      return new StateDirectory(stateDir, applicationId, lock, loadInstanceFile(stateDir, applicationId));
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get processId(): string {
    return this.file.processId;
  }

  /** @throws TopologyChangedError if stores on disk would be misread; otherwise remembers the topology. */
  async adopt(topology: Topology): Promise<void> {
    const shape = topologyShape(topology);
    if (this.file.topology !== undefined) {
      const onDisk = await this.storeNames();
      const differences = incompatibilities(this.file.topology, shape, (store) => onDisk.has(store));
      if (differences.length > 0) {
        throw new TopologyChangedError(
          differences,
          `Undo the change or give the store a new name; to start over, stop all instances, delete ${this.path} and the store's changelog topic, and reset the group's offsets.`,
        );
      }
    }
    this.save({ ...this.file, topology: shape });
  }

  /** Ids of the changelogs that the stores here are written from, by topic. */
  get changelogIds(): Readonly<Record<string, string>> {
    return this.file.changelogIds ?? {};
  }

  /** Remembers them for later starts; before any store is written. @throws StateDirectoryError */
  keepChangelogIds(ids: Readonly<Record<string, string>>): void {
    this.save({ ...this.file, changelogIds: { ...this.changelogIds, ...ids } });
  }

  /** Sources for which tasks have had a committed offset, by task. */
  get begunSources(): Readonly<Record<string, readonly string[]>> {
    return this.file.begunSources ?? {};
  }

  /** @throws StateDirectoryError */
  keepBegunSources(begunSources: Readonly<Record<string, readonly string[]>>): void {
    this.save({ ...this.file, begunSources });
  }

  /** Deletes state that was written with a log that ended with its process. @param isVolatile whether the log of this start is such a one. */
  async beginWith(isVolatile: boolean): Promise<void> {
    if (this.file.isVolatile === true) {
      for (const taskId of await this.storedTasks())
        await rm(join(this.path, taskId), { recursive: true, force: true });
      this.save({ ...this.file, changelogIds: {}, begunSources: {}, isVolatile });
    } else if (isVolatile && (await this.storedTasks()).length === 0) {
      this.save({ ...this.file, isVolatile });
    }
  }

  loadCurrency(): CurrencyTimes {
    return loadCurrencyFile(this.path);
  }

  /** @throws StateDirectoryError, DiskFullError */
  saveCurrency(times: CurrencyTimes): void {
    saveCurrencyFile(this.path, times);
  }

  /** A folder for one store of one task; its parents exist. */
  storeDirectory(taskId: TaskId, engine: string, store: string): string {
    const parent = join(this.path, taskId, engine);
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    return join(parent, store);
  }

  /** Tasks that have a folder here. */
  async storedTasks(): Promise<TaskId[]> {
    const names = await readdir(this.path);
    return names.filter((name): name is TaskId => parseTaskId(name) !== undefined).sort(compareTaskIds);
  }

  /** Marks when a task's folder was last in use. */
  async touch(taskId: TaskId, nowMs: number): Promise<void> {
    await utimes(join(this.path, taskId), nowMs / 1000, nowMs / 1000).catch(() => undefined);
  }

  /**
   * Takes folders of tasks that `isOwned` denies, and that nobody used since `beforeMs`, out of the way for `deleteSetAside`, at once however large
   * they are. @returns whose.
   */
  async setAside(isOwned: (taskId: TaskId) => boolean, beforeMs: number): Promise<TaskId[]> {
    const removed: TaskId[] = [];
    for (const taskId of await this.storedTasks()) {
      const path = join(this.path, taskId);
      if (isOwned(taskId) || (await stat(path)).mtimeMs >= beforeMs) continue;
      const aside = join(this.path, `${SET_ASIDE}${taskId}`);
      await rm(aside, { recursive: true, force: true });
      await rename(path, aside);
      removed.push(taskId);
    }
    return removed;
  }

  /** Deletes what was set aside, also before a crash. */
  async deleteSetAside(): Promise<void> {
    for (const name of await directories(this.path))
      if (name.startsWith(SET_ASIDE)) await rm(join(this.path, name), { recursive: true, force: true });
  }

  /** Idempotent. */
  release(): void {
    this.lock.release();
  }

  private save(file: InstanceFile): void {
    saveInstanceFile(this.stateDir, this.applicationId, file);
    this.file = file;
  }

  private async storeNames(): Promise<Set<string>> {
    const names = new Set<string>();
    for (const taskId of await this.storedTasks()) {
      for (const engine of await directories(join(this.path, taskId)))
        for (const store of await directories(join(this.path, taskId, engine))) names.add(store);
    }
    return names;
  }
}

function lockOf(path: string): ProcessLock {
  try {
    return ProcessLock.acquire(join(path, '.lock'));
  } catch (cause) {
    if (cause instanceof StreamsError) throw cause;
    throw unusable(path, cause);
  }
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
