import { delay, type Clock } from '../../time/clock.js';

/**
 * Keeps what several readers take from the log below one rate. Whoever has taken bytes waits until they are paid for before it takes more, so a rate
 * may be exceeded by one chunk of each reader, and never over time.
 */
export class ByteRate {
  private paidAt = 0;

  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
  ) {}

  /** Settles when more may be taken, or when `signal` aborts; undefined if that is now. */
  spend(bytes: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.bytesPerSecond === Infinity) return undefined;
    const now = this.clock.monotonic();
    this.paidAt = Math.max(this.paidAt, now) + (bytes / this.bytesPerSecond) * 1000;
    return delay(this.clock, this.paidAt - now, signal);
  }
}
