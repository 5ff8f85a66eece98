import type { LocalPartition, PartitionOwner, QueryableStore } from '../../runtime/instance-status.js';
import type { CommittedView } from '../../stores/state-store.js';

/** A partition that can be read here. */
export interface ReadablePartition {
  readonly partition: number;
  readonly role: 'active' | 'standby';
  readonly local: LocalPartition;
  readonly view: CommittedView;
}

/** A partition that cannot be read here, and why; a member of problem documents. */
export type MissingPartition =
  | {
      readonly partition: number;
      readonly reason: 'not-owner';
      readonly ownerInstance: string;
      /** Base URL of the owner, if it advertises one. */
      readonly owner: string | undefined;
    }
  | {
      readonly partition: number;
      readonly reason: 'restoring';
      /** Undefined until the restore has begun. */
      readonly remainingRecords: number | undefined;
      readonly etaMs: number | undefined;
    }
  | { readonly partition: number; readonly reason: 'unassigned' };

/**
 * Where to read a partition. An owner elsewhere wins over a store that is still open here: a suspended task keeps its stores while it is
 * not known whether it comes back, and no longer follows its changelog once it does not.
 */
export function locatePartition(store: QueryableStore, partition: number): ReadablePartition | MissingPartition {
  const owner = store.owner(partition);
  const local = store.local(partition);
  if (owner && !owner.isLocal) return elsewhere(partition, owner);
  if (local?.view) return { partition, role: 'active', local, view: local.view };
  if (owner || (local && local.state !== 'closed')) return restoring(partition, local);
  return { partition, reason: 'unassigned' };
}

/** A copy of a partition that another instance owns. */
export function locateStandby(store: QueryableStore, partition: number): ReadablePartition | undefined {
  const local = store.standby(partition);
  return local?.view && { partition, role: 'standby', local, view: local.view };
}

export function isReadable(located: ReadablePartition | MissingPartition): located is ReadablePartition {
  return 'view' in located;
}

function elsewhere(partition: number, { instanceId, url }: PartitionOwner): MissingPartition {
  return { partition, reason: 'not-owner', ownerInstance: instanceId, owner: url };
}

function restoring(partition: number, local: LocalPartition | undefined): MissingPartition {
  const { remainingRecords, etaMs } = local?.restore ?? {};
  return { partition, reason: 'restoring', remainingRecords, etaMs };
}
