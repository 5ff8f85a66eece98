import type { CancelTimer, Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';

const SAVE_AFTER_MS = 100;

/** Source topics by task. */
export type SourcesByTask = Readonly<Record<string, readonly string[]>>;

export interface BegunSourcesFile {
  readonly begunSources: SourcesByTask;
  /** @throws StateDirectoryError */
  keepBegunSources(sources: SourcesByTask): void;
}

/**
 * The sources for which tasks of this instance have had a committed offset, kept over restarts. A task with state and without an offset for one of
 * them has lost it; any other source is new.
 */
export class BegunSources {
  private readonly byTask: Map<string, ReadonlySet<string>>;
  private cancelSave: CancelTimer | undefined;

  constructor(
    private readonly file: BegunSourcesFile,
    private readonly clock: Clock,
  ) {
    this.byTask = new Map(Object.entries(file.begunSources).map(([task, topics]) => [task, new Set(topics)]));
  }

  has(task: TaskId, topic: string): boolean {
    return this.byTask.get(task)?.has(topic) === true;
  }

  /** Called once the offsets of all `topics` are committed. */
  add(task: TaskId, topics: readonly string[]): void {
    if (topics.every((topic) => this.has(task, topic))) return;
    this.byTask.set(task, new Set([...(this.byTask.get(task) ?? []), ...topics]));
    // Hundreds of tasks may begin together.
    this.cancelSave ??= this.clock.schedule(SAVE_AFTER_MS, () => this.save());
  }

  /** Saves at once. Idempotent. */
  close(): void {
    if (this.cancelSave === undefined) return;
    this.cancelSave();
    this.save();
  }

  private save(): void {
    this.cancelSave = undefined;
    try {
      this.file.keepBegunSources(
        Object.fromEntries(Array.from(this.byTask, ([task, topics]) => [task, [...topics].sort()])),
      );
    } catch {
      // Without it a lost offset is warned of instead of refused. A disk that is full stops the instance elsewhere.
    }
  }
}
