import { LogError } from '../../errors/log-error.js';
import type { GroupIdentity, GroupMember } from '../../log/group-member.js';
import { lastingAbort } from '../../time/lasting-abort.js';

/** What an assignment says about the group besides the tasks. */
export interface TenureTerms {
  readonly identity: GroupIdentity;
  /** How many members the group has. */
  readonly members: number;
  /** Tasks are to move once their copies are ready. */
  readonly isWarmingUp: boolean;
}

/**
 * The right to run assigned tasks and to commit their work. An assignment makes a tenure, and each later assignment to the same membership
 * renews it. A revocation or the loss of the membership ends it for good: work done in one tenure is committed in that tenure or never.
 */
export class Tenure {
  private readonly ending = lastingAbort();

  constructor(private terms: TenureTerms) {}

  /** Proves the right to commit: the identity of the last assignment, never one that another membership was given. */
  get identity(): GroupIdentity {
    return this.terms.identity;
  }

  get members(): number {
    return this.terms.members;
  }

  get isWarmingUp(): boolean {
    return this.terms.isWarmingUp;
  }

  /** Aborts when the tenure ends. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get isLive(): boolean {
    return !this.ending.signal.aborted;
  }

  isOf({ memberId }: GroupIdentity): boolean {
    return this.identity.memberId === memberId;
  }

  /** Continues the tenure under the next assignment, which found the membership unbroken. */
  renew(terms: TenureTerms): void {
    this.check();
    this.terms = terms;
  }

  /**
   * Returns the identity to try again with after the broker refused `refused`, because the group moved on to a generation that this tenure is
   * not renewed for yet. @throws LogError `migrated` if the tenure has ended, or ends meanwhile.
   */
  async renewed(member: GroupMember, refused: GroupIdentity): Promise<GroupIdentity> {
    this.check();
    const identity = await member.renewed(refused);
    this.check();
    if (!this.isOf(identity)) throw ended();
    return identity;
  }

  end(): void {
    this.ending.abort(ended());
  }

  /** @throws LogError `migrated` once the tenure has ended. */
  check(): void {
    if (!this.isLive) throw ended();
  }
}

/** Whatever asks for a tenure that is over, or was never there. */
export function ended(): LogError {
  return new LogError(
    'migrated',
    'LOG_NOT_A_MEMBER',
    'This instance has lost its assignment. Its tasks wait for the next one; uncommitted work is discarded.',
  );
}
