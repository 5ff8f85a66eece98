import type { Clock } from '../../time/clock.js';

/** Where a changelog ended, and when that was. */
export interface ChangelogEnds {
  readonly at: number;
  /** By partition; undefined for those that the feed does not follow. */
  readonly offsets: readonly (number | undefined)[];
}

export interface FeedHorizonOptions {
  readonly clock: Clock;
  /** Everything that was written before has been told; without `ends` the feed begins now. */
  readonly at: number;
  /** When the feed has come to these, `at` is their time. */
  readonly ends?: ChangelogEnds;
  /** For how long the changelog keeps deletions. */
  readonly retentionMs: number;
  /** Looks where the changelog ends now. */
  readonly look: () => Promise<ChangelogEnds>;
}

/** Part of the retention after which one looks again: a client that is gone for nine tenths of it still goes on. */
const LOOKS_PER_RETENTION = 10;
const LOOK_EVERY_MIN_MS = 5000;

/**
 * Up to when a feed has told everything.
 *
 * Deletions are compacted away some time after they were written, so a position is good for as long after the oldest change that it has not told. Which
 * one that is cannot be seen from what comes: nothing may come because nothing is written, or because the broker does not answer. So one looks
 * now and then where the changelog ends. Once the feed has come there, it has told what was written before that look.
 */
export class FeedHorizon {
  private atMs: number;
  private ends: ChangelogEnds | undefined;
  private isLooking = false;
  private nextLookMs: number;

  constructor(private readonly options: FeedHorizonOptions) {
    this.atMs = options.at;
    this.ends = options.ends;
    this.nextLookMs = options.clock.monotonic() + this.everyMs;
  }

  get at(): number {
    return this.atMs;
  }

  /** The feed has come to `offsets`. @returns whether `at` is another one by that */
  advance(offsets: readonly (number | undefined)[]): boolean {
    if (this.ends === undefined) {
      this.lookIfDue();
      return false;
    }
    for (let partition = 0; partition < offsets.length; partition++)
      if ((offsets[partition] ?? 0) < (this.ends.offsets[partition] ?? 0)) return false;
    const before = this.atMs;
    this.atMs = this.ends.at;
    this.ends = undefined;
    return this.atMs !== before;
  }

  private lookIfDue(): void {
    const { clock, look } = this.options;
    const nowMs = clock.monotonic();
    if (this.isLooking || nowMs < this.nextLookMs) return;
    this.isLooking = true;
    const settle = (ends: ChangelogEnds | undefined): void => {
      this.isLooking = false;
      this.ends = ends;
      // What has failed is tried once more, but not at once.
      this.nextLookMs = ends === undefined ? clock.monotonic() + LOOK_EVERY_MIN_MS : nowMs + this.everyMs;
    };
    look().then(settle, () => settle(undefined));
  }

  private get everyMs(): number {
    return Math.max(this.options.retentionMs / LOOKS_PER_RETENTION, LOOK_EVERY_MIN_MS);
  }
}
