import type { QueryableStore } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { PeerDirectory } from '../peers/peer-directory.js';
import { isReadable, locatePartition, locateStandby } from '../reads/locate-partition.js';
import { servesReads } from '../reads/serves-reads.js';

/** An instance that holds a partition. */
export interface HolderMetadata {
  readonly instance: string;
  /** Base URL; absent if it advertises none. */
  readonly url?: string;
  readonly state: 'readable' | 'restoring' | 'unknown';
  readonly position?: number;
  /** Changelog records that it lacks. */
  readonly lag?: number;
  /** What it holds may be so old. */
  readonly stalenessMs?: number;
  /** How long ago it said so; absent for this instance itself. */
  readonly heardMs?: number;
}

export interface PartitionMetadata {
  readonly partition: number;
  /** Absent while nobody is known to own it. */
  readonly active?: HolderMetadata;
  readonly standbys: readonly HolderMetadata[];
}

export interface KeyMetadata extends PartitionMetadata {
  readonly store: string;
}

export interface StoreMetadata {
  readonly store: string;
  readonly partitionCount: number;
  /** Generation of the group that this instance knows. */
  readonly epoch: number;
  readonly partitions: readonly PartitionMetadata[];
}

/** Who holds the partitions of a store: by the group's assignment, and by what instances said of themselves. */
export function storeMetadata(
  store: QueryableStore,
  runtime: StreamsRuntime,
  directory: PeerDirectory | undefined,
): StoreMetadata {
  return {
    store: store.definition.name,
    partitionCount: store.partitionCount,
    epoch: runtime.membership().epoch,
    partitions: Array.from({ length: store.partitionCount }, (_, partition) =>
      partitionMetadata(store, partition, runtime, directory),
    ),
  };
}

function partitionMetadata(
  store: QueryableStore,
  partition: number,
  runtime: StreamsRuntime,
  directory: PeerDirectory | undefined,
): PartitionMetadata {
  const copies = (directory?.copies(store.definition.name, partition) ?? []).map((copy) => ({
    role: copy.role,
    holder: {
      instance: copy.peer.instanceId,
      url: copy.peer.url,
      state: copy.role === 'restoring' ? ('restoring' as const) : ('readable' as const),
      position: copy.position,
      ...(copy.lag !== undefined && { lag: copy.lag }),
      ...(copy.stalenessMs !== undefined && { stalenessMs: Math.round(copy.stalenessMs) }),
      heardMs: Math.round(copy.heardMs),
    },
  }));
  const owner = store.owner(partition);
  const here = locateHere(store, partition, runtime);
  const active =
    here.active ??
    copies.find(
      ({ role, holder }) => role !== 'standby' && (owner === undefined || holder.instance === owner.instanceId),
    )?.holder ??
    (owner && unknownHolder(owner.instanceId, directory?.find(owner.instanceId, owner.url)?.url ?? owner.url));
  return {
    partition,
    ...(active && { active }),
    standbys: [...here.standbys, ...copies.filter(({ role }) => role === 'standby').map(({ holder }) => holder)],
  };
}

function unknownHolder(instance: string, url: string | undefined): HolderMetadata {
  return { instance, ...(url !== undefined && { url }), state: 'unknown' };
}

function locateHere(
  store: QueryableStore,
  partition: number,
  runtime: StreamsRuntime,
): { readonly active?: HolderMetadata; readonly standbys: readonly HolderMetadata[] } {
  const { instanceId: instance } = runtime;
  const url = runtime.instances().get(instance);
  const common = { instance, ...(url !== undefined && { url }) };
  if (!servesReads(runtime.state)) return { standbys: [] };
  const located = locatePartition(store, partition);
  if (isReadable(located)) {
    const { doubtMs: stalenessMs } = runtime.membership();
    const age = Number.isFinite(stalenessMs) ? { stalenessMs: Math.round(stalenessMs) } : {};
    const active = { ...common, state: 'readable' as const, position: located.local.position ?? 0, lag: 0, ...age };
    return { active, standbys: [] };
  }
  if (located.reason === 'restoring') return { active: { ...common, state: 'restoring' }, standbys: [] };
  const copy = locateStandby(store, partition)?.local;
  if (copy === undefined) return { standbys: [] };
  const { lag, stalenessMs } = copy.copy ?? {};
  const standby = {
    ...common,
    state: 'readable' as const,
    position: copy.position ?? 0,
    ...(lag !== undefined && { lag }),
    ...(stalenessMs !== undefined && { stalenessMs: Math.round(stalenessMs) }),
  };
  return { standbys: [standby] };
}
