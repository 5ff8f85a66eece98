import type { CancelTimer, Clock } from '../time/clock.js';

const DEFAULT_START_MS = 1_700_000_000_000;
const DEFAULT_LIMIT_MS = 600_000;
/** Rounds of the event loop after which promise chains, and chains of a few `setImmediate`, have come to rest. */
const SETTLING_ROUNDS = 8;

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/**
 * A clock that stands still until it is told to go. Timers fire in the order of their time, those of one time in the order of their schedule, and
 * between two of them whatever the first set off comes to rest. It does not wait for real input and output, of a file for example.
 */
export class ManualClock implements Clock {
  private readonly timers = new Set<Timer>();
  private scheduled = 0;
  private sleptMs = 0;
  private readonly startMs: number;

  constructor(private nowMs = DEFAULT_START_MS) {
    this.startMs = nowMs;
  }

  now(): number {
    return this.nowMs + this.sleptMs;
  }

  monotonic(): number {
    return this.nowMs - this.startMs;
  }

  schedule(delayMs: number, action: () => void): CancelTimer {
    const timer = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.scheduled++, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Lets `ms` pass, firing what is due on the way. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await this.settle();
    while (this.fireNext(untilMs)) await this.settle();
    this.nowMs = untilMs;
  }

  /**
   * Lets time pass until `promise` has settled, and answers as it does.
   * @throws Error if that takes more than `limitMs`, or if nothing is left that could settle it.
   */
  async run<T>(promise: Promise<T>, limitMs = DEFAULT_LIMIT_MS): Promise<T> {
    const untilMs = this.nowMs + limitMs;
    const state = { isPending: true };
    const done = (): void => {
      state.isPending = false;
    };
    promise.then(done, done);
    await this.settle();
    while (state.isPending) {
      if (!this.fireNext(untilMs)) {
        const isIdle = this.timers.size === 0;
        throw new Error(
          isIdle ? 'No timer is left that could settle the promise.' : `Not settled after ${limitMs} ms.`,
        );
      }
      await this.settle();
    }
    return promise;
  }

  /** Lets `ms` pass while the machine sleeps: the monotonic clock stands still, and no timer runs. */
  sleep(ms: number): void {
    this.sleptMs += ms;
  }

  /** Lets what is under way come to rest, without letting time pass. */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLING_ROUNDS; round++) await new Promise((resolve) => setImmediate(resolve));
  }

  private fireNext(untilMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.timers) {
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    if (next === undefined || next.dueMs > untilMs) return false;
    this.timers.delete(next);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    next.action();
    return true;
  }
}
