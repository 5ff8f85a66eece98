import type { Clock } from '../../../time/clock.js';

/** Where one waits until another wakes it: what has changed meanwhile, the sleeper looks for itself. */
export class WakeUp {
  private finish: (() => void) | undefined;

  get isWaiting(): boolean {
    return this.finish !== undefined;
  }

  wake(): void {
    this.finish?.();
  }

  /** Settles with `wake`, after `maxWaitMs`, or when `signal` aborts; one call at a time. */
  wait(clock: Clock, maxWaitMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = (): void => {
        this.finish = undefined;
        cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = clock.schedule(maxWaitMs, finish);
      signal?.addEventListener('abort', finish, { once: true });
      this.finish = finish;
    });
  }
}
