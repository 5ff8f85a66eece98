import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import { QueryError } from '../problem/query-error.js';

/** Requests that wait at a time, those of peers and of code included; HTTP requests have bounds of their own. */
const MAX_WAITING = 10_000;
const RETRY_S = 1;

interface Waiting {
  /** Settles the wait if it may end. */
  readonly look: () => void;
}

/**
 * Requests that wait for a partition, looked at when the runtime says that it changed. Nothing runs while nothing changes, and the runtime is
 * listened to only while somebody waits.
 */
export class ReadableWaits {
  private readonly waiting = new Map<number, Set<Waiting>>();
  private readonly changed = new Set<number | undefined>();
  private count = 0;
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly runtime: Pick<StreamsRuntime, 'onReadableChange'>,
    private readonly clock: Clock,
  ) {}

  /**
   * Waits until `look` finds something, called after each change of the partition. @returns undefined after `maxMs`.
   * @throws what `look` throws, the reason of `signal`, and QueryError `overloaded`
   */
  until<T>(
    partition: number,
    maxMs: number,
    signal: AbortSignal | undefined,
    look: () => T | undefined,
  ): Promise<T | undefined> {
    if (this.count >= MAX_WAITING)
      return Promise.reject(
        new QueryError('overloaded', 'Too many requests wait on this instance.', {
          members: { retryAfterS: RETRY_S },
          retryAfterS: RETRY_S,
        }),
      );
    return new Promise((resolve, reject) => {
      let cancel: CancelTimer | undefined;
      const end = (): void => {
        cancel?.();
        signal?.removeEventListener('abort', abort);
        this.remove(partition, waiting);
      };
      const abort = (): void => {
        end();
        reject(signal!.reason as Error);
      };
      const waiting: Waiting = {
        look: () => {
          try {
            const found = look();
            if (found === undefined) return;
            end();
            resolve(found);
          } catch (error) {
            end();
            reject(error as Error);
          }
        },
      };
      if (signal?.aborted) return reject(signal.reason as Error);
      this.add(partition, waiting);
      signal?.addEventListener('abort', abort, { once: true });
      cancel = this.clock.schedule(Math.max(0, maxMs), () => {
        end();
        resolve(undefined);
      });
    });
  }

  private add(partition: number, waiting: Waiting): void {
    const known = this.waiting.get(partition);
    if (known === undefined) this.waiting.set(partition, new Set([waiting]));
    else known.add(waiting);
    this.count++;
    this.stopListening ??= this.runtime.onReadableChange((changed) => this.mark(changed));
  }

  private remove(partition: number, waiting: Waiting): void {
    const known = this.waiting.get(partition);
    if (known?.delete(waiting) !== true) return;
    if (known.size === 0) this.waiting.delete(partition);
    if (--this.count > 0) return;
    this.stopListening?.();
    this.stopListening = undefined;
  }

  /** Changes of one turn of the event loop are looked at together. */
  private mark(partition: number | undefined): void {
    this.changed.add(partition);
    if (this.changed.size === 1) setImmediate(() => this.wake());
  }

  private wake(): void {
    const isAny = this.changed.has(undefined);
    const partitions = isAny ? [...this.waiting.keys()] : [...this.changed];
    this.changed.clear();
    for (const partition of partitions) {
      const found = this.waiting.get(partition as number);
      if (found !== undefined) for (const { look } of found) look();
    }
  }
}
