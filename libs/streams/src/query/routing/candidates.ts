import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { PeerNetwork } from '../peers/peer-network.js';
import type { RemoteCopy } from '../peers/peer-directory.js';
import { locateStandby } from '../reads/locate-partition.js';
import type { LocalReads } from '../reads/local-reads.js';
import type { PartitionReads, PartitionTarget, ReadBounds } from '../reads/partition-reads.js';
import type { OwnerHint } from './owner-hints.js';

/** An instance that may answer. */
export interface Candidate {
  readonly instanceId: string;
  readonly role: 'active' | 'standby';
  readonly reads: PartitionReads;
}

export interface CandidateSources {
  readonly runtime: StreamsRuntime;
  readonly local: LocalReads;
  readonly network: PeerNetwork | undefined;
  readonly hint: OwnerHint | undefined;
}

/**
 * Whom to ask, in this order: the owner if it is this instance, a copy here that may be fresh enough, the owner elsewhere, copies elsewhere by
 * their lag. Without a staleness bound only owners are asked. An instance may occur twice; the first counts. What comes later is looked for only if it
 * is needed.
 */
export function* candidatesFor(
  target: PartitionTarget,
  { maxStalenessMs, sources, isolation }: ReadBounds,
  { runtime, local, network, hint }: CandidateSources,
): Generator<Candidate, undefined> {
  const { instanceId } = runtime;
  const queryableStore = runtime.queryableStore(target.store);
  const owner = queryableStore?.owner(target.partition);
  const { epoch } = runtime.membership();
  const here: Candidate = { instanceId, role: 'active', reads: local };
  const isHere = owner === undefined || owner.isLocal;
  if (isHere) yield here;
  // Only the owner knows how far it has come with its sources.
  const mayBeOld = maxStalenessMs !== undefined && sources === undefined && isolation === 'committed';
  const hasCopy = mayBeOld && queryableStore && locateStandby(queryableStore, target.partition) !== undefined;
  if (hasCopy) yield { ...here, role: 'standby' };
  if (network === undefined) {
    if (!isHere && !hasCopy) yield here;
    return;
  }
  function* remote(id: string, url: string | undefined, role: Candidate['role']): Generator<Candidate, void> {
    const peer = network!.directory.find(id, url);
    if (peer !== undefined && id !== instanceId) yield { instanceId: id, role, reads: network!.reads(peer) };
  }
  if (hint !== undefined && hint.epoch >= epoch) yield* remote(hint.instanceId, hint.url, 'active');
  if (owner !== undefined && !owner.isLocal) yield* remote(owner.instanceId, owner.url, 'active');
  const copies = network.directory.copies(target.store, target.partition);
  for (const { role, peer } of copies) if (role === 'active') yield* remote(peer.instanceId, peer.url, 'active');
  if (mayBeOld) for (const { peer } of standbys(copies)) yield* remote(peer.instanceId, peer.url, 'standby');
}

function standbys(copies: readonly RemoteCopy[]): RemoteCopy[] {
  return copies.filter(({ role }) => role === 'standby').sort((a, b) => (a.lag ?? Infinity) - (b.lag ?? Infinity));
}
