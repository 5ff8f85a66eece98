import {
  Inject,
  Injectable,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { hasPeers } from '../config/peer-config.js';
import { metricsOf, noMetrics, type StreamsMetrics } from '../observability/streams-metrics.js';
import { attachPeerRoute } from '../query/http/peer-route.js';
import { PeerNetwork } from '../query/peers/peer-network.js';
import { InstanceReads } from '../query/instance-reads.js';
import { SystemClock } from '../time/system-clock.js';
import { NestStreamsLogger } from './nest-logger.js';
import { peerAdapter } from './peer-http.js';
import { StreamsHost } from './streams-host.js';
import { STREAMS_METRICS_PORT } from './tokens.js';

/** The calls between this instance and the others, bound to Nest's life cycle; nothing without `peers` in the options. */
@Injectable()
export class PeerCalls implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  network: PeerNetwork | undefined;
  /** How everything in this application reads stores. */
  readonly reads: InstanceReads;
  private readonly clock = new SystemClock();
  private isAttached = false;

  constructor(
    @Inject(StreamsHost) private readonly host: StreamsHost,
    @Optional() @Inject(HttpAdapterHost) private readonly http?: HttpAdapterHost,
    @Optional() @Inject(STREAMS_METRICS_PORT) private readonly metrics: StreamsMetrics = noMetrics,
  ) {
    this.reads = new InstanceReads(host, this.clock, () => this.network);
    // Express asks its handlers in the order of their making, so this one comes before the application's where the platform is known by now.
    this.attach();
  }

  onModuleInit(): void {
    this.attach();
  }

  onApplicationBootstrap(): void {
    const { peers, advertisedUrl } = this.host.config;
    if (!hasPeers(peers) || advertisedUrl === undefined) return;
    const logger = new NestStreamsLogger();
    const metrics = metricsOf(this.metrics, this.host.applicationId);
    const { clock } = this;
    const { local } = this.reads;
    this.network = new PeerNetwork({ runtime: this.host, config: peers, advertisedUrl, local, clock, logger, metrics });
    this.network.start();
  }

  /** Until here HTTP is served. */
  async onApplicationShutdown(): Promise<void> {
    const { network } = this;
    this.network = undefined;
    await network?.close();
  }

  private attach(): void {
    const adapter = peerAdapter(this.http);
    if (this.isAttached || adapter === undefined) return;
    this.isAttached = true;
    attachPeerRoute(adapter, (request, response) => {
      if (this.network !== undefined) {
        void this.network.handle(request, response);
        return;
      }
      response.statusCode = 503;
      response.end();
    });
  }
}
