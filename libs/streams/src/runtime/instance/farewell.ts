import type { GroupMember } from '../../log/group-member.js';
import type { Clock } from '../../time/clock.js';

/** Heartbeat intervals that an instance which leaves gives the others to act on it. */
export const HAND_OVER_HEARTBEATS = 3;

/** What an instance tells its group before it goes, and the wait until the group has acted on it. */
export class Farewell {
  /** It stops as planned: the others are to take its tasks. */
  isLeaving = false;
  /** All instances are to stop. */
  shutdownReason: string | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {}

  /** Asks for a new assignment, and waits until it has led to `isDone`, but not for long: the others may be gone as well. */
  tell(member: GroupMember, isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (isDone()) done();
      };
      const done = (): void => {
        this.waiting.delete(check);
        cancel();
        resolve();
      };
      const cancel = this.clock.schedule(this.timeoutMs, done);
      this.waiting.add(check);
      member.requestRejoin();
    });
  }

  /** Something that `isDone` may look at has changed. */
  changed(): void {
    for (const check of this.waiting) check();
  }
}
