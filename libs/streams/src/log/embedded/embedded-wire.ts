import { LogError } from '../../errors/log-error.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import type { CoordinatorType, Wire } from '../wire.js';

/** The one broker there is. */
export const EMBEDDED_NODE = 0;

/** What a wire needs of its broker. */
export interface WireBroker {
  /** @throws LogError `LOG_CONNECTION` once the broker is closed. */
  reach(): Promise<void>;
  handle<A extends ApiName>(role: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>>;
  partitionCount(topic: string): number;
}

/** Carries requests to a broker in the same process. Metadata is never stale, and there is no time-out: what the broker parks, it answers. */
export class EmbeddedWire implements Wire {
  private readonly tracked = new Set<string>();
  private readonly waiting = new Set<(error: LogError) => void>();
  private isClosed = false;
  private isHalted = false;

  constructor(
    private readonly broker: WireBroker,
    readonly role: string,
    private readonly onClosed: (wire: EmbeddedWire) => void,
  ) {}

  connect(): Promise<void> {
    return this.answered(() => this.broker.reach());
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.onClosed(this);
    for (const reject of this.waiting) reject(connectionError('the wire was closed'));
    return Promise.resolve();
  }

  /** From here on no answer comes back, as after the death of the process that holds this wire. */
  halt(): void {
    this.isHalted = true;
  }

  track(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.tracked.add(topic);
    return this.refresh();
  }

  refresh(): Promise<void> {
    return this.answered(() => this.broker.reach());
  }

  partitions(topic: string): readonly number[] {
    const count = this.tracked.has(topic) ? this.broker.partitionCount(topic) : 0;
    return Array.from({ length: count }, (_, partition) => partition);
  }

  leaderOf(topic: string, partition: number): number | undefined {
    const isKnown = this.tracked.has(topic) && partition < this.broker.partitionCount(topic);
    return isKnown ? EMBEDDED_NODE : undefined;
  }

  anyNode(): number {
    return EMBEDDED_NODE;
  }

  controller(): number {
    return EMBEDDED_NODE;
  }

  coordinator(_key: string, _type: CoordinatorType): Promise<number> {
    return this.answered(() => this.broker.reach().then(() => EMBEDDED_NODE));
  }

  send<A extends ApiName>(_node: number, api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    return this.answered(() => this.broker.handle(this.role, api, request));
  }

  private answered<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(connectionError('the wire is closed'));
      const leave = (error: unknown): void => {
        if (this.waiting.delete(leave)) reject(error as Error);
      };
      this.waiting.add(leave);
      if (this.isHalted) return;
      ask().then(
        (answer) => {
          if (!this.isHalted && this.waiting.delete(leave)) resolve(answer);
        },
        (error: unknown) => {
          if (!this.isHalted) leave(error);
        },
      );
    });
  }
}

export function connectionError(reason: string): LogError {
  return new LogError('retriable', 'LOG_CONNECTION', `The embedded log does not answer: ${reason}.`);
}
