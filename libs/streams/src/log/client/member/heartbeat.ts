import type { CancelTimer, Clock } from '../../../time/clock.js';
import type { GroupMemberOptions } from '../../group-member.js';
import type { RenewableWire } from './renewable-wire.js';
import { LateAnswerError, within } from './within.js';

/**
 * Sends heartbeats by a timer that waits for nobody but the broker, and for that only as long as another beat still fits into the session: a
 * beat that stays unanswered costs its connection, and the next one goes out at once on a fresh one.
 */
export class Heartbeat {
  private readonly limitMs: number;
  private cancel: CancelTimer | undefined;
  private isRunning = false;

  /** @param beat sends one heartbeat and acts on the answer; undefined when none is due. */
  constructor(
    private readonly options: GroupMemberOptions,
    private readonly clock: Clock,
    private readonly connection: RenewableWire,
    private readonly beat: () => Promise<void> | undefined,
  ) {
    this.limitMs = (options.sessionTimeoutMs - options.heartbeatIntervalMs) / 2;
  }

  start(): void {
    this.isRunning = true;
    this.schedule(this.options.heartbeatIntervalMs);
  }

  stop(): void {
    this.isRunning = false;
    this.cancel?.();
  }

  private schedule(delayMs: number): void {
    if (this.isRunning) this.cancel = this.clock.schedule(delayMs, () => void this.next());
  }

  private async next(): Promise<void> {
    const { wire } = this.connection;
    let delayMs = this.options.heartbeatIntervalMs;
    try {
      const sent = this.beat();
      if (sent !== undefined) await within(this.clock, this.limitMs, 'A heartbeat', sent);
    } catch (error) {
      if (error instanceof LateAnswerError) {
        // Not waited for: closing a dead connection may take as long as the beat did.
        void this.connection.renew(wire).catch(() => {});
        delayMs = 0;
      }
    }
    this.schedule(delayMs);
  }
}
