import { StoreCorruptedError } from '../../libs/streams/src/errors/store-corrupted-error.js';
import { MemoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import type {
  ChangelogPosition,
  StoreEngine,
  StoreEngineContext,
  StoreEngineFactory,
} from '../../libs/streams/src/stores/store-engine.js';
import type { Clock } from '../../libs/streams/src/time/clock.js';

interface Kept {
  data: MemoryEngine;
  position: ChangelogPosition | undefined;
  isDamaged: boolean;
}

/** The disk of one machine: it outlives the processes. A batch and its position are there together or not at all. */
export class SimulatedDisk {
  writeMs = 0;
  /** So many of the next writes fail, with nothing written. */
  writesToFail = 0;
  private readonly stores = new Map<string, Kept>();

  heal(): void {
    this.writeMs = 0;
    this.writesToFail = 0;
  }

  /** Damages one store. It is noticed when it is opened. @returns false if there is none. */
  damage(at: number): boolean {
    const stores = [...this.stores.values()];
    if (stores.length === 0) return false;
    stores[at % stores.length]!.isDamaged = true;
    return true;
  }

  engine(clock: Clock, isAlive: () => boolean): StoreEngineFactory {
    return {
      name: 'simulated',
      isPersistent: true,
      prepare: () => Promise.resolve(),
      create: (context) => this.open(context, clock, isAlive),
    };
  }

  private open(
    { storeName, taskId, directory }: StoreEngineContext,
    clock: Clock,
    isAlive: () => boolean,
  ): StoreEngine {
    const kept = (): Kept => {
      const found = this.stores.get(directory) ?? { data: new MemoryEngine(), position: undefined, isDamaged: false };
      this.stores.set(directory, found);
      return found;
    };
    let writing: Promise<void> = Promise.resolve();
    let failure: Error | undefined;
    return {
      open: () => {
        failure = undefined;
        const store = kept();
        if (store.isDamaged)
          return Promise.reject(new StoreCorruptedError(storeName, taskId, 'the simulation damaged it'));
        return Promise.resolve(store.position);
      },
      getMany: (keys) => kept().data.getMany(keys),
      write: (writes, position) => {
        writing = writing
          .catch(() => undefined)
          .then(() =>
            this.writeMs === 0 ? undefined : new Promise<void>((done) => clock.schedule(this.writeMs, done)),
          )
          .then(async () => {
            if (!isAlive()) return;
            if (this.writesToFail > 0) {
              this.writesToFail--;
              failure = new Error('The simulated disk did not write.');
            }
            // What is behind a failed write would hide the gap.
            if (failure !== undefined) throw failure;
            const store = kept();
            await store.data.write(writes, position);
            store.position = position;
          });
        return writing;
      },
      openCursor: (bounds, options) => kept().data.openCursor(bounds, options),
      position: () => Promise.resolve(kept().position),
      approximateEntries: () => kept().data.approximateEntries(),
      approximateBytes: () => kept().data.approximateBytes(),
      close: () => writing.catch(() => undefined),
      destroy: () =>
        writing
          .catch(() => undefined)
          .then(() => {
            if (isAlive()) this.stores.delete(directory);
          }),
    };
  }
}
