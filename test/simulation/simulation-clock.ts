import type { CancelTimer, Clock } from '../../libs/streams/src/time/clock.js';

const START_MS = 1_700_000_000_000;
/** Far more rounds of the event loop than any chain of the library needs; whoever spins is a failure. */
const MAX_ROUNDS = 50_000;

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/**
 * The one scheduler of a simulated world: one timer fires, and everything it set off comes to rest before the next one. Promises and immediates
 * run in an order that depends on nothing else; file calls are waited for, so their duration changes nothing.
 */
export class SimulationClock implements Clock {
  private readonly timers = new Set<Timer>();
  private scheduled = 0;
  private nowMs = START_MS;

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs - START_MS;
  }

  schedule(delayMs: number, action: () => void): CancelTimer {
    const timer = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.scheduled++, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Lets time pass until `isDone` says so. @returns false if `limitMs` passed before, or no timer is left. */
  async until(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.nowMs + limitMs;
    await this.rest();
    while (!isDone()) {
      const next = this.earliest();
      if (next === undefined || next.dueMs > endMs) {
        this.nowMs = endMs;
        return false;
      }
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.action();
      await this.rest();
    }
    return true;
  }

  /** Lets time pass until `promise` has settled, and answers as it does. @throws Error after `limitMs`. */
  async settle<T>(promise: Promise<T>, what: string, limitMs = 600_000): Promise<T> {
    const state = { isSettled: false };
    const settled = (): void => {
      state.isSettled = true;
    };
    promise.then(settled, settled);
    if (!(await this.until(() => state.isSettled, limitMs))) throw new Error(`${what} is stuck for ${limitMs} ms`);
    return promise;
  }

  private earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers)
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      )
        first = timer;
    return first;
  }

  private async rest(): Promise<void> {
    let quietRounds = 0;
    for (let round = 0; quietRounds < 2; round++) {
      if (round > MAX_ROUNDS) throw new Error('The world does not come to rest: something spins without a timer');
      await new Promise((resolve) => setImmediate(resolve));
      const { hasImmediates, hasFileCalls } = underWay();
      // A file call takes as long as the machine takes; that is no spinning.
      if (hasFileCalls && !hasImmediates) round = 0;
      quietRounds = hasImmediates || hasFileCalls ? 0 : quietRounds + 1;
    }
  }
}

function underWay(): { hasImmediates: boolean; hasFileCalls: boolean } {
  const kinds = process.getActiveResourcesInfo();
  return { hasImmediates: kinds.includes('Immediate'), hasFileCalls: kinds.some((kind) => kind.startsWith('FSReq')) };
}

/** The time of one process: it stands still while the process is frozen, and ends with it. */
export class ProcessClock implements Clock {
  private isDead = false;
  private isFrozen = false;
  /** How far its time of day is off. */
  skewMs = 0;
  private readonly late: (() => void)[] = [];

  constructor(private readonly world: SimulationClock) {}

  now(): number {
    return this.world.now() + this.skewMs;
  }

  monotonic(): number {
    return this.world.monotonic();
  }

  schedule(delayMs: number, action: () => void): CancelTimer {
    if (this.isDead) return () => undefined;
    const state = { isCancelled: false };
    const fire = (): void => {
      if (this.isDead || state.isCancelled) return;
      if (this.isFrozen) this.late.push(fire);
      else action();
    };
    const cancel = this.world.schedule(delayMs, fire);
    return () => {
      state.isCancelled = true;
      cancel();
    };
  }

  freeze(): void {
    this.isFrozen = true;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const fire of this.late.splice(0)) this.world.schedule(0, fire);
  }

  die(): void {
    this.isDead = true;
  }
}
