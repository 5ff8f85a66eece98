import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PeerConfig } from '../../config/peer-options.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { Clock } from '../../time/clock.js';
import { QueryError } from '../problem/query-error.js';
import type { PartitionReads } from '../reads/partition-reads.js';
import { PeerAuth } from './peer-auth.js';
import { PeerClient } from './peer-client.js';
import { PeerDirectory } from './peer-directory.js';
import { PeerEndpoint } from './peer-endpoint.js';
import { PeerHeartbeat } from './peer-heartbeat.js';
import { PeerReads } from './peer-reads.js';
import { reportOf, type InstanceReport } from './peer-status.js';
import type { Peer } from './peer.js';

export interface PeerNetworkOptions {
  readonly runtime: StreamsRuntime;
  readonly config: PeerConfig;
  readonly advertisedUrl: string;
  readonly local: PartitionReads;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** Instances come and go, each with an id of its own perhaps. */
const MAX_READERS = 1000;

/** The calls between this instance and the others, both ways. */
export class PeerNetwork {
  readonly directory: PeerDirectory;
  private readonly readers = new Map<string, { readonly url: string; readonly reads: PartitionReads }>();
  private readonly client: PeerClient;
  private readonly endpoint: PeerEndpoint;
  private readonly heartbeat: PeerHeartbeat;

  constructor(private readonly options: PeerNetworkOptions) {
    const { runtime, config, local, clock, logger, metrics } = options;
    const { secret, tls, timeoutMs, heartbeatIntervalMs: intervalMs } = config;
    const auth = secret === undefined ? undefined : new PeerAuth(secret, clock);
    const report = (): InstanceReport => this.report();
    this.directory = new PeerDirectory(runtime, clock, intervalMs);
    this.client = new PeerClient({ instanceId: runtime.instanceId, timeoutMs, auth, tls, metrics });
    this.endpoint = new PeerEndpoint({
      instanceId: () => runtime.instanceId,
      auth,
      local,
      report,
      directory: this.directory,
      logger,
    });
    this.heartbeat = new PeerHeartbeat({
      directory: this.directory,
      client: this.client,
      report,
      maySpeak: () => this.maySpeak(),
      intervalMs,
      clock,
      logger,
    });
  }

  start(): void {
    this.heartbeat.start();
  }

  reads(peer: Peer): PartitionReads {
    const known = this.readers.get(peer.instanceId);
    if (known?.url === peer.url) return known.reads;
    if (this.readers.size >= MAX_READERS) this.readers.clear();
    const reads = new PeerReads(peer, this.client);
    this.readers.set(peer.instanceId, { url: peer.url, reads });
    return reads;
  }

  /** Answers a request for `PEER_PATH`. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.endpoint.handle(request, response);
  }

  /** Exchanges reports with the others now; what the timer does now and then. */
  beat(): Promise<void> {
    return this.heartbeat.beat();
  }

  async close(): Promise<void> {
    await Promise.all([this.client.close(), this.heartbeat.stop()]);
  }

  private maySpeak(): boolean {
    const { state } = this.options.runtime;
    return state !== 'failed' && state !== 'stopped';
  }

  /** @throws QueryError `not-running` */
  private report(): InstanceReport {
    const { runtime, advertisedUrl } = this.options;
    if (!this.maySpeak())
      throw new QueryError('not-running', `The instance "${runtime.instanceId}" is ${runtime.state}.`);
    return reportOf(runtime, new Map([...this.directory.firsthand(), [runtime.instanceId, advertisedUrl]]));
  }
}
