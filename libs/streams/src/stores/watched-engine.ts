import type {
  ChangelogPosition,
  CursorOptions,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEntries,
  StoreWrites,
} from './store-engine.js';

/** Where an error was met. The caller of a cursor may have caused it by using the cursor for too long; estimates concern no record. */
export type MetAt = 'engine' | 'cursor' | 'estimate';

/** An engine whose errors of reads and writes pass `met` before the caller gets them. */
export class WatchedEngine implements StoreEngine {
  constructor(
    private readonly engine: StoreEngine,
    private readonly met: (error: unknown, at: MetAt) => unknown,
  ) {}

  open(): Promise<ChangelogPosition | undefined> {
    return this.engine.open();
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.watch(this.engine.getMany(keys));
  }

  write(writes: StoreWrites, position: ChangelogPosition, breathe?: () => Promise<void> | undefined): Promise<void> {
    return this.watch(this.engine.write(writes, position, breathe));
  }

  openCursor(bounds: KeyBounds, options: CursorOptions): StoreCursor {
    const cursor = this.engine.openCursor(bounds, options);
    return {
      next: (limit, maxBytes): Promise<StoreEntries> => this.watch(cursor.next(limit, maxBytes), 'cursor'),
      close: () => cursor.close(),
    };
  }

  position(): Promise<ChangelogPosition | undefined> {
    return this.watch(this.engine.position());
  }

  approximateEntries(): Promise<number> {
    return this.watch(this.engine.approximateEntries(), 'estimate');
  }

  approximateBytes(): Promise<number> {
    return this.watch(this.engine.approximateBytes(), 'estimate');
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  destroy(): Promise<void> {
    return this.engine.destroy();
  }

  private watch<T>(result: Promise<T>, at: MetAt = 'engine'): Promise<T> {
    return result.catch((error: unknown) => {
      throw this.met(error, at);
    });
  }
}
