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
 * their lag. Without a staleness bound only owners are asked. An instance may occur twice; the first counts.
 */
export function candidatesFor(
  target: PartitionTarget,
  { maxStalenessMs, sources, isolation }: ReadBounds,
  { runtime, local, network, hint }: CandidateSources,
): Candidate[] {
  const { instanceId, queryableStore } = {
    instanceId: runtime.instanceId,
    queryableStore: runtime.queryableStore(target.store),
  };
  const owner = queryableStore?.owner(target.partition);
  const { epoch } = runtime.membership();
  const here: Candidate = { instanceId, role: 'active', reads: local };
  const candidates: Candidate[] = [];
  if (owner === undefined || owner.isLocal) candidates.push(here);
  // Only the owner knows how far it has come with its sources.
  const mayBeOld = maxStalenessMs !== undefined && sources === undefined && isolation === 'committed';
  if (mayBeOld && queryableStore && locateStandby(queryableStore, target.partition))
    candidates.push({ ...here, role: 'standby' });
  if (network === undefined) return candidates.length > 0 ? candidates : [here];
  const add = (id: string, url: string | undefined, role: Candidate['role']): void => {
    const peer = url === undefined ? network.directory.find(id) : { instanceId: id, url };
    if (peer !== undefined && id !== instanceId) candidates.push({ instanceId: id, role, reads: network.reads(peer) });
  };
  if (hint !== undefined && hint.epoch >= epoch) add(hint.instanceId, hint.url, 'active');
  if (owner !== undefined && !owner.isLocal) add(owner.instanceId, owner.url, 'active');
  const copies = network.directory.copies(target.store, target.partition);
  for (const { role, peer } of copies) if (role === 'active') add(peer.instanceId, peer.url, 'active');
  if (mayBeOld) for (const { peer } of standbys(copies)) add(peer.instanceId, peer.url, 'standby');
  return candidates;
}

function standbys(copies: readonly RemoteCopy[]): RemoteCopy[] {
  return copies.filter(({ role }) => role === 'standby').sort((a, b) => (a.lag ?? Infinity) - (b.lag ?? Infinity));
}
