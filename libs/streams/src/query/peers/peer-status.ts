import type { QueryableStore } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { MessageFields } from './message-fields.js';
import { peerUrlOf } from '../../config/peer-url.js';
import { isReadable, locatePartition, locateStandby } from '../reads/locate-partition.js';
import { servesReads } from '../reads/serves-reads.js';

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
  if (servesReads(runtime.state))
    for (const store of runtime.queryableStores()) stores[store.definition.name] = heldOf(store, doubtMs);
  return { instanceId: runtime.instanceId, epoch, stores, peers: Object.fromEntries(peers) };
}

/** @throws MalformedMessageError */
export function reportIn(value: unknown): InstanceReport {
  const report = MessageFields.of(value, 'status');
  const stores = report.object('stores');
  const peers = report.object('peers');
  return {
    instanceId: report.text('instanceId'),
    epoch: report.integer('epoch'),
    stores: Object.fromEntries(stores.names().map((name) => [name, stores.objects(name).map(heldPartitionIn)])),
    peers: Object.fromEntries(
      peers.names().flatMap((id) => {
        const url = peerUrlOf(peers.text(id));
        return url === undefined ? [] : [[id, url]];
      }),
    ),
  };
}

function heldPartitionIn(held: MessageFields): HeldPartition {
  return {
    partition: held.count('partition'),
    role: held.oneOf('role', ['active', 'standby', 'restoring']),
    position: held.integer('position'),
    ...(held.has('lag') && { lag: held.integer('lag') }),
    ...(held.has('stalenessMs') && { stalenessMs: held.milliseconds('stalenessMs') }),
  };
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
