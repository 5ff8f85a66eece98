import type { CancelTimer, Clock } from '../../time/clock.js';

export const REPORT_EVERY_MS = 1000;
export const CLEANUP_EVERY_MS = 60_000;

/** Actions that repeat until `cancel`. */
export class Intervals {
  private readonly timers = new Map<() => void, CancelTimer>();
  private isOver = false;

  constructor(private readonly clock: Clock) {}

  every(intervalMs: number, action: () => void): void {
    if (this.isOver) return;
    const run = (): void => {
      action();
      this.every(intervalMs, action);
    };
    this.timers.set(action, this.clock.schedule(intervalMs, run));
  }

  cancel(): void {
    this.isOver = true;
    for (const cancel of this.timers.values()) cancel();
  }
}
