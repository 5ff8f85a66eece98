import type { Clock } from '../../time/clock.js';
import type { QueryError } from '../problem/query-error.js';
import type { PartitionTarget } from '../reads/partition-reads.js';

/** Who owns a partition as an instance said that was asked in vain. */
export interface OwnerHint {
  readonly instanceId: string;
  readonly url: string | undefined;
  readonly epoch: number;
}

/** By then the assignment has come here too. */
const LIFETIME_MS = 5000;

/** Keeps what non-owners told, until this instance's own assignment is as new. */
export class OwnerHints {
  private readonly hints = new Map<string, OwnerHint & { readonly at: number }>();

  constructor(private readonly clock: Clock) {}

  learn(target: PartitionTarget, { problem, members }: QueryError, from: string): void {
    const { ownerInstance, owner, epoch } = members;
    if (problem.name !== 'not-owner' || typeof ownerInstance !== 'string' || typeof epoch !== 'number') return;
    const key = keyOf(target);
    const known = this.hints.get(key);
    if (ownerInstance === from || (known !== undefined && known.epoch > epoch)) return;
    const url = typeof owner === 'string' ? owner : undefined;
    this.hints.set(key, { instanceId: ownerInstance, url, epoch, at: this.clock.monotonic() });
  }

  of(target: PartitionTarget): OwnerHint | undefined {
    if (this.hints.size === 0) return undefined;
    const key = keyOf(target);
    const hint = this.hints.get(key);
    if (hint === undefined || this.clock.monotonic() - hint.at <= LIFETIME_MS) return hint;
    this.hints.delete(key);
    return undefined;
  }
}

function keyOf({ store, partition }: PartitionTarget): string {
  return `${store}/${partition}`;
}
