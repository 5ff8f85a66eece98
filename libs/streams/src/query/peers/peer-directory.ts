import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { Clock } from '../../time/clock.js';
import type { Peer } from './peer.js';
import type { HeldPartition, InstanceReport } from './peer-status.js';

/** A copy of a partition on another instance. */
export interface RemoteCopy extends HeldPartition {
  readonly peer: Peer;
  readonly epoch: number;
  /** How long ago this was true. */
  readonly heardMs: number;
}

interface Heard {
  readonly report: InstanceReport;
  readonly at: number;
}

/** After so many intervals without a word an instance is forgotten, unless the assignment names it. */
const FORGET_AFTER_INTERVALS = 10;

/** So long an instance's word about its own address counts more than an assignment, which is older if the instance came back without a rebalance (KIP-345). */
const OWN_WORD_INTERVALS = 3;

/** Who else is in the group, where they answer, and what they hold: by the group's assignment, and by what they say themselves. */
export class PeerDirectory {
  private readonly heard = new Map<string, Heard>();
  /** Hearsay: who others say there is. */
  private readonly named = new Map<string, { readonly url: string; readonly at: number }>();

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  /** All instances but this one that can be called. */
  peers(): ReadonlyMap<string, string> {
    this.forget();
    const peers = new Map<string, string>();
    for (const [id, { url }] of this.named) peers.set(id, url);
    for (const [id, url] of this.runtime.instances()) if (url !== undefined) peers.set(id, url);
    for (const id of this.heard.keys()) {
      const url = this.ownWord(id);
      if (url !== undefined) peers.set(id, url);
    }
    peers.delete(this.runtime.instanceId);
    return peers;
  }

  /** Those of `peers` that this instance may tell others of. Whoever is known by hearsay alone is not passed on, or those that are gone would be named for ever. */
  firsthand(): ReadonlyMap<string, string> {
    const assigned = this.runtime.instances();
    return new Map([...this.peers()].filter(([id]) => assigned.has(id) || this.heard.has(id)));
  }

  /** @param told the address that whoever names the instance gives for it; better than an assignment, since a problem may tell of a later one. */
  find(instanceId: string, told?: string): Peer | undefined {
    const url =
      this.ownWord(instanceId) ?? told ?? this.runtime.instances().get(instanceId) ?? this.named.get(instanceId)?.url;
    return url === undefined ? undefined : { instanceId, url };
  }

  /** @param from who said it: it is believed about itself, and about others only that they exist. */
  learn(from: string, report: InstanceReport): void {
    if (report.instanceId !== from) return;
    const at = this.clock.monotonic();
    this.heard.set(from, { report, at });
    for (const [id, url] of Object.entries(report.peers))
      if (!this.named.has(id) || id === from) this.named.set(id, { url, at });
    const known = this.named.get(from);
    if (known) this.named.set(from, { url: known.url, at });
  }

  /** What `learn` was told within the last `maxAgeMs`. */
  hasHeard(instanceId: string, maxAgeMs: number): boolean {
    const heard = this.heard.get(instanceId);
    return heard !== undefined && this.clock.monotonic() - heard.at <= maxAgeMs;
  }

  /** Copies on other instances, as of their last word, the latest epoch first. */
  copies(store: string, partition: number): RemoteCopy[] {
    this.forget();
    const found: RemoteCopy[] = [];
    const now = this.clock.monotonic();
    for (const [instanceId, { report, at }] of this.heard) {
      const peer = this.find(instanceId);
      if (peer === undefined) continue;
      for (const held of report.stores[store] ?? [])
        if (held.partition === partition) found.push({ ...held, peer, epoch: report.epoch, heardMs: now - at });
    }
    return found.sort((a, b) => b.epoch - a.epoch);
  }

  private ownWord(instanceId: string): string | undefined {
    const heard = this.heard.get(instanceId);
    if (heard === undefined || this.clock.monotonic() - heard.at > OWN_WORD_INTERVALS * this.intervalMs)
      return undefined;
    return heard.report.peers[instanceId];
  }

  private forget(): void {
    const oldest = this.clock.monotonic() - FORGET_AFTER_INTERVALS * this.intervalMs;
    for (const known of [this.heard, this.named]) for (const [id, { at }] of known) if (at < oldest) known.delete(id);
  }
}
