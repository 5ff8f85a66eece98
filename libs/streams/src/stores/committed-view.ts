import { StoreCorruptedError } from '../errors/store-corrupted-error.js';
import type { CommittedView } from './state-store.js';
import type {
  ChangelogPosition,
  CursorOptions,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEntries,
} from './store-engine.js';

interface PendingRead {
  readonly key: Uint8Array;
  resolve(value: Uint8Array | undefined): void;
  reject(error: unknown): void;
}

/** Reads an engine, which holds committed entries only; the point reads of one turn of the event loop become one engine read. */
export class EngineView implements CommittedView {
  private pending: PendingRead[] = [];
  private isDamaged = false;

  constructor(
    private readonly engine: StoreEngine,
    /** Told once what a read finds damaged: nobody else may ever read there. */
    private readonly onDamage: (error: StoreCorruptedError) => void = () => undefined,
  ) {}

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.pending.push({ key, resolve, reject }) === 1) setImmediate(() => void this.read());
    });
  }

  openCursor(bounds: KeyBounds, options: CursorOptions): StoreCursor {
    const cursor = this.engine.openCursor(bounds, options);
    return {
      next: (limit, maxBytes): Promise<StoreEntries> =>
        cursor.next(limit, maxBytes).catch((error: unknown) => this.failed(error)),
      close: () => cursor.close(),
    };
  }

  /** Of the engine, 0 before anything was written. */
  async position(): Promise<ChangelogPosition> {
    return (await this.engine.position().catch((error: unknown) => this.failed(error))) ?? 0;
  }

  private async read(): Promise<void> {
    const reads = this.pending;
    this.pending = [];
    try {
      const values = await this.engine
        .getMany(reads.map(({ key }) => key))
        .catch((error: unknown) => this.failed(error));
      for (let i = 0; i < reads.length; i++) reads[i].resolve(values[i]);
    } catch (error) {
      for (const { reject } of reads) reject(error);
    }
  }

  /** Tells of the damage, if it is one, that a read of this engine met beside the view. */
  met(error: unknown): void {
    if (!(error instanceof StoreCorruptedError) || this.isDamaged) return;
    this.isDamaged = true;
    this.onDamage(error);
  }

  private failed(error: unknown): never {
    this.met(error);
    throw error;
  }
}
