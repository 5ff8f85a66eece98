import type { StreamsRuntime } from '../runtime/streams-runtime.js';
import type { Clock } from '../time/clock.js';
import type { PeerNetwork } from './peers/peer-network.js';
import { LocalReads } from './reads/local-reads.js';
import { QueryRouter } from './routing/query-router.js';
import { SharedCounts } from './scan/shared-counts.js';

/**
 * The reads of one instance, with the limits that all its readers share: HTTP, other instances and code. One per runtime; with several of them each
 * would have the limits to itself, and equal counts would be read once for each.
 */
export class InstanceReads {
  /** What this instance holds. */
  readonly local: LocalReads;
  /** What any instance holds. */
  readonly router: QueryRouter;
  readonly counts: SharedCounts;

  /** @param network the other instances; undefined: only what is here is read. */
  constructor(runtime: StreamsRuntime, clock: Clock, network: () => PeerNetwork | undefined = () => undefined) {
    this.local = new LocalReads(runtime, clock);
    this.router = new QueryRouter(runtime, this.local, clock, network);
    this.counts = new SharedCounts(this.router, clock);
  }
}
