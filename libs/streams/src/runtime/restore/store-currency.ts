import type { CancelTimer, Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';

/** Kafka's default of `delete.retention.ms`. */
export const DEFAULT_DELETIONS_KEPT_MS = 86_400_000;

const SAVE_AFTER_MS = 100;
/** Clocks of the instances and of the brokers may differ by so much, or by a tenth of what is kept. */
const MAX_MARGIN_MS = 3_600_000;

/** Wall clock times in milliseconds, by `<task id>/<store>`. */
export type CurrencyTimes = Readonly<Record<string, number>>;

export interface CurrencyFile {
  loadCurrency(): CurrencyTimes;
  saveCurrency(times: CurrencyTimes): void;
}

/**
 * Until when each local store is known to have followed its changelog, kept over restarts. Compaction drops a deletion once it is older than
 * `delete.retention.ms`, so a store that was away for longer may keep entries that were deleted.
 */
export class StoreCurrency {
  private readonly times: Map<string, number>;
  private cancelSave: CancelTimer | undefined;

  constructor(
    private readonly file: CurrencyFile,
    /** `delete.retention.ms` by changelog. */
    private readonly deletionsKeptMs: ReadonlyMap<string, number>,
    private readonly clock: Clock,
  ) {
    this.times = new Map(Object.entries(file.loadCurrency()));
  }

  /** Whether deletions after the last known time may be gone from the changelog. */
  isOutdated(task: TaskId, store: string, changelog: string): boolean {
    const until = this.times.get(`${task}/${store}`);
    return until === undefined || this.isTooLongAgo(changelog, until);
  }

  /** Whether a deletion right after `untilMs` may be gone from the changelog. */
  isTooLongAgo(changelog: string, untilMs: number): boolean {
    const keptMs = this.deletionsKeptMs.get(changelog) ?? DEFAULT_DELETIONS_KEPT_MS;
    const marginMs = Math.min(MAX_MARGIN_MS, keptMs / 10);
    const awayMs = this.clock.now() - untilMs;
    // A time in the future was noted by a clock that was fast, and says nothing.
    return awayMs < -marginMs || awayMs >= keptMs - marginMs;
  }

  /** The store is empty and reads its changelog from the beginning: earlier deletions concern it no more. */
  begins(task: TaskId, store: string): void {
    this.times.set(`${task}/${store}`, this.clock.now());
    this.scheduleSave();
  }

  /** The store has everything that was in its changelog at `untilMs`. */
  follows(task: TaskId, store: string, untilMs: number): void {
    const key = `${task}/${store}`;
    const known = this.times.get(key) ?? 0;
    if (untilMs <= known && known <= this.clock.now()) return;
    this.times.set(key, untilMs);
    this.scheduleSave();
  }

  /** Saves at once. Idempotent. */
  close(): void {
    if (this.cancelSave === undefined) return;
    this.cancelSave();
    this.save();
  }

  private scheduleSave(): void {
    this.cancelSave ??= this.clock.schedule(SAVE_AFTER_MS, () => this.save());
  }

  private save(): void {
    this.cancelSave = undefined;
    try {
      this.file.saveCurrency(Object.fromEntries(this.times));
    } catch {
      // An older file makes a store restore that need not. A disk that is full stops the instance elsewhere.
    }
  }
}
