/** Twice the threads that libuv has by default, so that none of them waits for the event loop. */
const WIDTH = 8;

/**
 * Bounds the steps of cursors that run at a time. A step holds up to its limit of bytes, so this bounds the memory of concurrent scans and
 * counts, however many there are.
 */
export class ScanLane {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** Runs `step` when its turn has come, in the order of the calls. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.running < WIDTH) this.running++;
    else await new Promise<void>((resolve) => void this.waiting.push(resolve));
    try {
      return await step();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
