/**
 * Bounds the steps of cursors that run at a time. A step holds up to its limit of bytes, so this bounds the memory of concurrent scans and
 * counts, however many there are.
 */
export class ScanLane {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param width the number of steps that run at a time. */
  constructor(private readonly width: number) {}

  /** Runs `step` when its turn has come, in the order of the calls. @throws the reason of `signal` once it has aborted; the step does not run then. */
  async run<T>(step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.running < this.width) this.running++;
    else await new Promise<void>((resolve) => void this.waiting.push(resolve));
    try {
      signal?.throwIfAborted();
      return await step();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
