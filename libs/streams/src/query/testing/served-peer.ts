import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import { SystemClock } from '../../time/system-clock.js';
import { PeerAuth } from '../peers/peer-auth.js';
import { PeerClient } from '../peers/peer-client.js';
import { PeerDirectory } from '../peers/peer-directory.js';
import { PeerEndpoint } from '../peers/peer-endpoint.js';
import type { InstanceReport } from '../peers/peer-status.js';
import type { Peer } from '../peers/peer.js';
import type { PartitionReads } from '../reads/partition-reads.js';
import { FakeRuntime } from './fake-runtime.js';

const systemClock = new SystemClock();

export const PEER_SECRET = 'a secret of 16 characters';

export function reportNaming(instanceId: string): InstanceReport {
  return { instanceId, epoch: 1, stores: {}, peers: {} };
}

/** Clients of the instance "a", and instances "b" that they call over HTTP, until `close`. */
export class ServedPeers {
  private readonly closing: (() => Promise<unknown>)[] = [];

  /** An instance whose point reads are answered by `get`. */
  serve(get: PartitionReads['get'], clock: Clock = systemClock): Promise<Peer> {
    const unused = (): Promise<never> => Promise.reject(new Error('This is not asked for.'));
    const endpoint = new PeerEndpoint({
      instanceId: () => 'b',
      auth: new PeerAuth(PEER_SECRET, clock),
      local: { get, scan: unused, count: unused },
      report: () => reportNaming('b'),
      directory: new PeerDirectory(new FakeRuntime([]), clock, 1000),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    return this.listen((request, response) => void endpoint.handle(request, response));
  }

  /** What stands at the address of an instance. */
  async listen(handle: RequestListener): Promise<Peer> {
    const server = createServer(handle);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.closing.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(resolve));
    });
    return { instanceId: 'b', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  client(timeoutMs = 10_000, clock: Clock = systemClock): PeerClient {
    const auth = new PeerAuth(PEER_SECRET, clock);
    const client = new PeerClient({ instanceId: 'a', timeoutMs, auth, tls: undefined, metrics: noMetrics });
    this.closing.push(() => client.close());
    return client;
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
  }
}
