import type { Kafka } from 'kafkajs';
import { LogError } from '../../errors/log-error.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { apiCodecs, decodeResponse, encodeRequest } from '../protocol/api-codecs.js';
import { metadataCodec } from '../protocol/cluster-codecs.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import { TopicLeaders } from '../protocol/topic-leaders.js';
import type { CoordinatorType, Wire } from '../wire.js';
import {
  captureCluster,
  checkBroker,
  dropConnection,
  type KafkaJsBroker,
  type KafkaJsCluster,
} from './kafkajs-internals.js';

const NO_CONTROLLER = -1;

/** Kafka through kafkajs' connections: its TLS, SASL, sockets and metadata; requests and answers are ours. */
export class KafkaJsWire implements Wire {
  private readonly cluster: KafkaJsCluster;
  private readonly topics = new Set<string>();
  private readonly leaders = new TopicLeaders();

  constructor(
    kafka: Kafka,
    private readonly requestTimeoutMs: number,
  ) {
    this.cluster = captureCluster(kafka);
  }

  async connect(): Promise<void> {
    await this.guarded(() => this.cluster.connect());
    await this.refresh();
    checkBroker(await this.guarded(() => this.cluster.findBroker({ nodeId: String(this.anyNode()) })));
  }

  async close(): Promise<void> {
    // kafkajs waits for pending requests of each connection; a parked fetch would hold a stop up.
    for (const broker of Object.values(this.cluster.brokerPool.brokers)) {
      for (const connection of broker.connectionPool.pool) connection.rejectRequests(new Error('the wire was closed'));
    }
    await this.cluster.disconnect().catch(() => {});
  }

  async track(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.topics.add(topic);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    await this.guarded(() => this.cluster.refreshMetadata());
    // kafkajs' own look-up of topics fails as a whole when one of them does not exist, or has no leader just now.
    const broker = await this.guarded(() => this.cluster.findBroker({ nodeId: String(this.anyNode()) }));
    const metadata = await this.request(broker, metadataCodec, { topics: [...this.topics] });
    this.leaders.update(metadata.topics);
  }

  partitions(topic: string): readonly number[] {
    return this.leaders.partitions(topic);
  }

  leaderOf(topic: string, partition: number): number | undefined {
    return this.leaders.leaderOf(topic, partition);
  }

  anyNode(): number {
    const [node] = Object.keys(this.cluster.brokerPool.brokers);
    if (node === undefined) throw new LogError('retriable', 'LOG_CONNECTION', 'No broker is known; connect first.');
    return Number(node);
  }

  controller(): number {
    const controller = this.cluster.brokerPool.metadata?.controllerId ?? NO_CONTROLLER;
    return controller in this.cluster.brokerPool.brokers ? controller : this.anyNode();
  }

  async coordinator(key: string, type: CoordinatorType): Promise<number> {
    const broker = await this.guarded(() =>
      this.cluster.findGroupCoordinator({ groupId: key, coordinatorType: type === 'group' ? 0 : 1 }),
    );
    return broker.nodeId;
  }

  async send<A extends ApiName>(
    node: number,
    api: A,
    request: RequestOf<A>,
    timeoutMs?: number,
  ): Promise<ResponseOf<A>> {
    const codec = apiCodecs[api] as ApiCodec<RequestOf<A>, ResponseOf<A>>;
    const broker = await this.guarded(() => this.cluster.findBroker({ nodeId: String(node) }));
    return this.request(broker, codec, request, timeoutMs);
  }

  private async request<Request, Response>(
    broker: KafkaJsBroker,
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs?: number,
  ): Promise<Response> {
    try {
      return (await broker.connectionPool.send({
        request: {
          apiKey: codec.key,
          apiVersion: codec.version,
          apiName: codec.name,
          encode: () => Promise.resolve(encodeRequest(codec, request)),
        },
        response: {
          decode: (body) => Promise.resolve(decodeResponse(codec, body)),
          parse: (value) => Promise.resolve(value),
        },
        ...(timeoutMs === undefined ? {} : { requestTimeout: this.requestTimeoutMs + timeoutMs }),
        logResponseError: false,
      })) as Response;
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSRequestTimeoutError')
        dropConnection(broker, codec.name === 'Fetch');
      else void broker.disconnect().catch(() => {});
      throw connectionError(error);
    }
  }

  private async guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw connectionError(error);
    }
  }
}

const REFUSALS = new Set([
  'KafkaJSSASLAuthenticationError',
  'KafkaJSUnsupportedMagicByteInMessageSet',
  'KafkaJSNotImplemented',
]);

function connectionError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const isRefused = REFUSALS.has(cause.name);
  return new LogError(
    isRefused ? 'fatal' : 'retriable',
    isRefused ? 'LOG_AUTHENTICATION' : 'LOG_CONNECTION',
    `Kafka does not answer: ${cause.message}`,
    { cause },
  );
}
