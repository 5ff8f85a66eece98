import { runAll } from '../../errors/run-all.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import type { ChangeSink, PreparedCommit, StateStore } from '../../stores/state-store.js';
import type { Breathe } from '../breathing.js';
import type { ChangelogPosition } from '../../stores/store-engine.js';

/** A store of a task and the changelog partition behind it. */
export interface TaskStore {
  readonly definition: StoreDefinition;
  readonly store: StateStore;
  /** Undefined for a store without changelog. */
  readonly changelog: string | undefined;
}

/** What one store adds to a commit. */
export interface StoreCommit {
  readonly of: TaskStore;
  readonly prepared: PreparedCommit;
}

/** Appends one change to a changelog partition. */
export type ChangelogAppend = (topic: string, key: Uint8Array, value: Uint8Array | null) => void;

/** The stores of one task. */
export class TaskStores {
  private readonly byName: ReadonlyMap<string, TaskStore>;

  constructor(readonly all: readonly TaskStore[]) {
    this.byName = new Map(all.map((each) => [each.definition.name, each]));
  }

  get(name: string): TaskStore | undefined {
    return this.byName.get(name);
  }

  get dirtyBytes(): number {
    let bytes = 0;
    for (const { store } of this.all) bytes += store.dirtyBytes;
    return bytes;
  }

  /** Changes by user code so far. */
  get changes(): number {
    let changes = 0;
    for (const { store } of this.all) changes += store.changes;
    return changes;
  }

  /** Serialises what is dirty and appends it to the changelogs. */
  async prepare(append: ChangelogAppend, breathe: Breathe): Promise<StoreCommit[]> {
    const commits: StoreCommit[] = [];
    for (const each of this.all) {
      const { changelog } = each;
      const sink: ChangeSink = changelog === undefined ? ignore : (key, value) => append(changelog, key, value);
      commits.push({ of: each, prepared: await each.store.prepareCommit(sink, breathe) });
    }
    return commits;
  }

  /** Forgets what was not applied. */
  discard(): void {
    for (const { store } of this.all) store.discard();
  }

  /** Hot path: after every record. @returns how many iterators were left open. */
  releaseIterators(): number {
    let left = 0;
    for (const { store } of this.all) left += store.releaseIterators();
    return left;
  }

  async close(): Promise<void> {
    await runAll(
      this.all.map(
        ({ store }) =>
          () =>
            store.close(),
      ),
    );
  }
}

/** Writes a prepared commit to the engine. @param end the changelog's end after this commit, if it wrote anything there. */
export async function applyStoreCommit(
  { of, prepared }: StoreCommit,
  end: ChangelogPosition | undefined,
  breathe: Breathe,
): Promise<void> {
  if (prepared.writes.keys.length === 0) return;
  const position = of.changelog === undefined ? 0 : (end ?? of.store.position ?? 0);
  await of.store.applyCommit(prepared, position, breathe);
}

function ignore(): void {
  return;
}
