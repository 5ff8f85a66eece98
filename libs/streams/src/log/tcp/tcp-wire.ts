import { LogError } from '../../errors/log-error.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { apiCodecs, decodeResponse, encodeRequest } from '../protocol/api-codecs.js';
import { findCoordinatorCodec, metadataCodec, type BrokerAddress } from '../protocol/cluster-codecs.js';
import { coordinatorError } from '../protocol/error-names.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import { ProtocolWriter } from '../protocol/protocol-writer.js';
import { TopicLeaders } from '../protocol/topic-leaders.js';
import type { CoordinatorType, Wire } from '../wire.js';
import { TcpConnection } from './tcp-connection.js';

export interface TcpWireOptions {
  /** `host:port` of brokers to begin with. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Default 30,000. */
  readonly requestTimeoutMs?: number;
}

const NO_CONTROLLER = -1;

/** Kafka over plain TCP, without TLS and SASL: a second wire that keeps the port honest, used by tests. */
export class TcpWire implements Wire {
  private readonly connections = new Map<string, TcpConnection>();
  private readonly nodes = new Map<number, BrokerAddress>();
  private readonly leaders = new TopicLeaders();
  private readonly topics = new Set<string>();
  private controllerNode = NO_CONTROLLER;
  private readonly requestTimeoutMs: number;

  constructor(private readonly options: TcpWireOptions) {
    this.requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
  }

  connect(): Promise<void> {
    return this.refresh();
  }

  close(): Promise<void> {
    for (const connection of this.connections.values()) connection.close();
    return Promise.resolve();
  }

  track(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.topics.add(topic);
    return this.refresh();
  }

  async refresh(): Promise<void> {
    let failure: unknown;
    for (const address of [...this.nodes.values(), ...this.seeds()]) {
      try {
        const metadata = await this.call(address, 'control', metadataCodec, { topics: [...this.topics] });
        this.nodes.clear();
        for (const broker of metadata.brokers) this.nodes.set(broker.nodeId, broker);
        this.controllerNode = metadata.controller;
        this.leaders.update(metadata.topics);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  partitions(topic: string): readonly number[] {
    return this.leaders.partitions(topic);
  }

  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.leaders.leaderOf(topic, partition);
    return leader !== undefined && this.nodes.has(leader) ? leader : undefined;
  }

  anyNode(): number {
    const [node] = this.nodes.keys();
    if (node === undefined) throw new LogError('retriable', 'LOG_CONNECTION', 'No broker is known; connect first.');
    return node;
  }

  controller(): number {
    return this.nodes.has(this.controllerNode) ? this.controllerNode : this.anyNode();
  }

  async coordinator(key: string, type: CoordinatorType): Promise<number> {
    const address = this.addressOf(this.anyNode());
    const found = await this.call(address, 'control', findCoordinatorCodec, { key, type: type === 'group' ? 0 : 1 });
    if (found.error !== 0) throw coordinatorError(key, found.error);
    this.nodes.set(found.nodeId, found);
    return found.nodeId;
  }

  async send<A extends ApiName>(node: number, api: A, request: RequestOf<A>, timeoutMs = 0): Promise<ResponseOf<A>> {
    // A parked fetch or join must not hold up the answers behind it.
    const lane = api === 'fetch' || api === 'joinGroup' || api === 'syncGroup' ? api : 'control';
    return this.call(
      this.addressOf(node),
      lane,
      apiCodecs[api] as ApiCodec<RequestOf<A>, ResponseOf<A>>,
      request,
      timeoutMs,
    );
  }

  private async call<Request, Response>(
    { host, port }: Omit<BrokerAddress, 'nodeId'>,
    lane: string,
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs = 0,
  ): Promise<Response> {
    const name = `${host}:${port}/${lane}`;
    let connection = this.connections.get(name);
    if (connection === undefined) this.connections.set(name, (connection = new TcpConnection(host, port)));
    const body = encodeRequest(codec, request).buffer;
    const frame = (correlationId: number): Buffer => {
      const header = new ProtocolWriter(64)
        .int16(codec.key)
        .int16(codec.version)
        .int32(correlationId)
        .string(this.options.clientId);
      return Buffer.concat([header.buffer, body]);
    };
    return decodeResponse(codec, await connection.request(frame, this.requestTimeoutMs + timeoutMs));
  }

  private addressOf(node: number): BrokerAddress {
    const address = this.nodes.get(node);
    if (address === undefined)
      throw new LogError('retriable', 'LOG_CONNECTION', `Broker ${node} is not part of the cluster any more.`);
    return address;
  }

  private seeds(): Omit<BrokerAddress, 'nodeId'>[] {
    return this.options.brokers.map((broker) => {
      const colon = broker.lastIndexOf(':');
      return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
    });
  }
}
