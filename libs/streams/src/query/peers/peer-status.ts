import type { QueryableStore } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { isReadable, locatePartition, locateStandby } from '../reads/locate-partition.js';

/** A partition of a store as the instance that holds it describes it. */
export interface HeldPartition {
  readonly partition: number;
  readonly role: 'active' | 'standby' | 'restoring';
  readonly position: number;
  /** As in `Freshness`. */
  readonly lag?: number;
  readonly stalenessMs?: number;
}

/** What an instance tells the others now and then. */
export interface InstanceReport {
  readonly instanceId: string;
  readonly epoch: number;
  /** By store. */
  readonly stores: Readonly<Record<string, readonly HeldPartition[]>>;
  /** Instances that it knows, with their base URLs; by them the members of groups that are too large for their assignment learn of each other. */
  readonly peers: Readonly<Record<string, string>>;
}

export function reportOf(runtime: StreamsRuntime, peers: ReadonlyMap<string, string>): InstanceReport {
  const { epoch, doubtMs } = runtime.membership();
  const stores: Record<string, HeldPartition[]> = {};
  for (const store of runtime.queryableStores()) stores[store.definition.name] = heldOf(store, doubtMs);
  return { instanceId: runtime.instanceId, epoch, stores, peers: Object.fromEntries(peers) };
}

/** @throws Error if it is none. */
export function reportIn(value: unknown): InstanceReport {
  const report = value as InstanceReport;
  const isReport =
    typeof value === 'object' &&
    value !== null &&
    typeof report.instanceId === 'string' &&
    typeof report.epoch === 'number' &&
    typeof report.stores === 'object' &&
    typeof report.peers === 'object';
  if (isReport) return report;
  throw new Error('This is no report of an instance.');
}

function heldOf(store: QueryableStore, doubtMs: number): HeldPartition[] {
  const held: HeldPartition[] = [];
  for (let partition = 0; partition < store.partitionCount; partition++) {
    const active = locatePartition(store, partition);
    const position = store.local(partition)?.position ?? 0;
    if (isReadable(active)) {
      const stalenessMs = Number.isFinite(doubtMs) ? { stalenessMs: doubtMs } : {};
      held.push({ partition, role: 'active', position, lag: 0, ...stalenessMs });
      continue;
    }
    if (active.reason === 'restoring') held.push({ partition, role: 'restoring', position });
    const copy = locateStandby(store, partition);
    if (copy === undefined) continue;
    const { lag, stalenessMs } = copy.local.copy ?? {};
    held.push({
      partition,
      role: 'standby',
      position: copy.local.position ?? 0,
      ...(lag !== undefined && { lag }),
      ...(stalenessMs !== undefined && { stalenessMs }),
    });
  }
  return held;
}
