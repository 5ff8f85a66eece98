/** Of the threads that libuv has for all work of the process (`UV_THREADPOOL_SIZE`). */
const DEFAULT_THREADS = 4;
const SHARE = 1 / 2;

/**
 * Lets long native calls, which are batches and look-ups of many keys, take half of libuv's threads at most: a short look-up, which a query or
 * a handler waits for, finds a free one (bench `query`, beside processing).
 */
export class BulkLane {
  private readonly width: number;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(threads = Number(process.env.UV_THREADPOOL_SIZE ?? DEFAULT_THREADS)) {
    this.width = Math.max(1, Math.floor((threads || DEFAULT_THREADS) * SHARE));
  }

  /** Runs `call` when its turn has come; the order is that of the calls. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.running < this.width) this.running++;
    else await new Promise<void>((resolve) => void this.waiting.push(resolve));
    try {
      return await call();
    } finally {
      // The place passes from hand to hand, so that nobody who comes later takes it.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
