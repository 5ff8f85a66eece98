import { LogError } from '../../errors/log-error.js';
import { silentLogger, type StreamsLogger } from '../../observability/streams-logger.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { apiCodecs } from '../protocol/api-codecs.js';
import {
  findCoordinatorCodec,
  metadataCodec,
  type BrokerAddress,
  type ClusterMetadata,
} from '../protocol/cluster-codecs.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import { coordinatorError } from '../protocol/error-names.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import { TopicLeaders } from '../protocol/topic-leaders.js';
import type { CoordinatorType, Wire } from '../wire.js';
import { AnnouncedBrokers } from './announced-brokers.js';
import { brokerName, parseBrokerAddress } from './broker-address.js';
import { newestMetadata } from './newest-metadata.js';
import { connectionFailure, type NodeAddress, type NodeConnection } from './node-connection.js';
import { OpenRequests, type OpenRequest } from './open-requests.js';

export interface ClusterWireOptions {
  /** `host:port` of brokers to begin with. */
  readonly brokers: readonly string[];
  /** `host:port` to use, by the `host:port` that a broker announces. */
  readonly addresses?: Readonly<Record<string, string>> | undefined;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly logger?: StreamsLogger;
  readonly open: (address: NodeAddress) => NodeConnection;
}

type NodeId = Pick<BrokerAddress, 'nodeId'>;

const NO_CONTROLLER = -1;
const WATCH_INTERVAL_MS = 1000;
/** Whoever has an answer outstanding for longer is asked last, where any broker will do. */
const CALM_MS = 500;
/** After this the next broker is asked, where any will do. */
const PATIENCE_MS = 3000;
/** After this the cluster is asked whether the broker still belongs to it. */
const DOUBTED_AFTER_MS = 2000;
/** How long a further broker may take to confirm what one has said, and how many are asked for it. */
const WITNESS_PATIENCE_MS = 250;
const MAX_WITNESSES = 3;
const REPORTED_AFTER_MS = 10_000;
/** A parked fetch or join must not hold up the answers behind it: brokers answer the requests of a connection in turn. */
const LANES: Readonly<Partial<Record<ApiName, string>>> = { fetch: 'fetch', joinGroup: 'group', syncGroup: 'group' };
const PARKED: ReadonlySet<string> = new Set([apiCodecs.joinGroup.name, apiCodecs.syncGroup.name]);

/**
 * A Kafka cluster behind connections of any kind: who its brokers are, who leads and coordinates what, and which broker to believe. A broker that does not
 * answer and that the others do not know any more loses its connections, so that its requests need not wait for their time-outs.
 */
export class ClusterWire implements Wire {
  private readonly nodes = new Map<number, NodeAddress>();
  private readonly seeds: readonly NodeAddress[];
  private readonly connections = new Map<string, NodeConnection>();
  private readonly requests: OpenRequests;
  private readonly leaders = new TopicLeaders();
  private readonly topics = new Set<string>();
  private readonly logger: StreamsLogger;
  private readonly announced: AnnouncedBrokers;
  private controllerNode = NO_CONTROLLER;
  private cancelWatch: CancelTimer | undefined;
  private isDoubting = false;
  private isClosed = false;

  constructor(private readonly options: ClusterWireOptions) {
    this.requests = new OpenRequests(options.clock);
    this.logger = options.logger ?? silentLogger;
    this.seeds = options.brokers.map(parseBrokerAddress);
    this.announced = new AnnouncedBrokers(options.brokers, options.addresses ?? {}, this.logger);
  }

  connect(): Promise<void> {
    return this.refresh();
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.cancelWatch?.();
    for (const connection of this.connections.values()) connection.close('the wire was closed');
    this.connections.clear();
    return Promise.resolve();
  }

  track(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.topics.add(topic);
    return this.refresh();
  }

  async refresh(): Promise<void> {
    const request = { topics: [...this.topics] };
    const { answer, from } = await this.askAny(metadataCodec, request);
    // A broker that was away does not know it at first, and still takes itself for the leader of what it has lost.
    const brokers = answer.brokers.map((broker) => this.announced.reached(broker));
    const others = brokers.filter((broker) => brokerName(broker) !== brokerName(from));
    // Under a name that no broker goes by, it may be any of them.
    const needed = Math.min(others.length < answer.brokers.length ? 1 : 2, others.length);
    const confirmations = await this.askWitnesses(others, needed, metadataCodec, request);
    const isConfirmed = confirmations.length === needed;
    this.adopt(newestMetadata([answer, ...confirmations]), isConfirmed);
  }

  partitions(topic: string): readonly number[] {
    return this.leaders.partitions(topic);
  }

  isForbidden(topic: string): boolean {
    return this.leaders.isForbidden(topic);
  }

  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.leaders.leaderOf(topic, partition);
    return leader !== undefined && this.nodes.has(leader) ? leader : undefined;
  }

  anyNode(): number {
    const busy = this.busyBrokers();
    const nodes = [...this.nodes];
    const [node] = nodes.find(([, address]) => !busy.has(brokerName(address))) ?? nodes[0] ?? [];
    if (node === undefined) throw new LogError('retriable', 'LOG_CONNECTION', 'No broker is known; connect first.');
    return node;
  }

  controller(): number {
    return this.nodes.has(this.controllerNode) ? this.controllerNode : this.anyNode();
  }

  async coordinator(key: string, type: CoordinatorType): Promise<number> {
    const request = { key, type: type === 'group' ? 0 : 1 } as const;
    const { answer: found, from } = await this.askAny(findCoordinatorCodec, request);
    if (found.error !== 0) throw coordinatorError(key, found.error);
    const others = [...this.nodes.values()].filter((address) => brokerName(address) !== brokerName(from));
    // A former coordinator that was away still believes in itself, and would answer with what was committed then.
    const isSame = (one: NodeId, other: NodeId): boolean => one.nodeId === other.nodeId;
    let said = [found, ...(await this.askWitnesses(others, 1, findCoordinatorCodec, request))];
    if (!said.every((each) => isSame(each, found)))
      said = [found, ...(await this.askWitnesses(others, MAX_WITNESSES, findCoordinatorCodec, request))];
    const agreed = said.find((one) => said.filter((other) => isSame(one, other)).length * 2 > said.length);
    if (agreed === undefined || agreed.error !== 0)
      throw coordinatorError(key, KafkaErrorCode.COORDINATOR_NOT_AVAILABLE);
    this.nodes.set(agreed.nodeId, this.announced.reached(agreed));
    return agreed.nodeId;
  }

  async send<A extends ApiName>(node: number, api: A, request: RequestOf<A>, timeoutMs = 0): Promise<ResponseOf<A>> {
    const address = this.nodes.get(node);
    if (address === undefined)
      throw new LogError('retriable', 'LOG_CONNECTION', `Broker ${node} is not part of the cluster now.`);
    const codec = apiCodecs[api] as ApiCodec<RequestOf<A>, ResponseOf<A>>;
    return this.call(address, LANES[api] ?? 'control', codec, this.withEpochs(api, request), timeoutMs);
  }

  private withEpochs<A extends ApiName>(api: A, request: RequestOf<A>): RequestOf<A> {
    if (api !== 'fetch' && api !== 'listOffsets') return request;
    const { topics } = request as RequestOf<'listOffsets'>;
    const stamped = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((each) => ({ ...each, leaderEpoch: this.leaders.epochOf(topic, each.partition) })),
    }));
    return { ...request, topics: stamped };
  }

  /** Asks one broker after the other until one answers. */
  private async askAny<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
  ): Promise<{ readonly answer: Response; readonly from: NodeAddress }> {
    const candidates = this.candidates();
    let failure: unknown;
    for (const [index, from] of candidates.entries()) {
      const said = this.call(from, 'control', codec, request, 0);
      try {
        // The last one is waited for until its time-out.
        const answer = await (index === candidates.length - 1 ? said : this.patiently(from, said, PATIENCE_MS));
        return { answer, from };
      } catch (error) {
        if (this.isClosed || (error instanceof LogError && error.kind === 'fatal')) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** @returns what the first of them say who answer soon, at most `needed`. */
  private async askWitnesses<Request, Response>(
    among: readonly NodeAddress[],
    needed: number,
    codec: ApiCodec<Request, Response>,
    request: Request,
  ): Promise<Response[]> {
    const answers: Response[] = [];
    for (const witness of this.calmFirst(among).slice(0, MAX_WITNESSES)) {
      if (answers.length >= needed) break;
      const said = this.call(witness, 'control', codec, request, 0);
      const kept = await this.patiently(witness, said, WITNESS_PATIENCE_MS).catch(() => undefined);
      if (kept !== undefined) answers.push(kept);
    }
    return answers;
  }

  /** Every broker that is known, and those of the options. */
  private candidates(): NodeAddress[] {
    const byName = new Map([...this.nodes.values(), ...this.seeds].map((address) => [brokerName(address), address]));
    return this.calmFirst([...byName.values()]);
  }

  private calmFirst<A extends NodeAddress>(all: readonly A[]): A[] {
    const busy = this.busyBrokers();
    const isBusy = (address: NodeAddress): boolean => busy.has(brokerName(address));
    return [...all.filter((address) => !isBusy(address)), ...all.filter(isBusy)];
  }

  private busyBrokers(): Set<string> {
    return new Set(this.requests.olderThan(CALM_MS).map(({ broker }) => broker));
  }

  private patiently<T>(address: NodeAddress, answer: Promise<T>, patienceMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(connectionFailure(address, `no answer within ${patienceMs} ms`));
      const cancel = this.options.clock.schedule(patienceMs, giveUp);
      answer.then(resolve, reject).finally(cancel);
    });
  }

  private async call<Request, Response>(
    address: NodeAddress,
    lane: string,
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    if (this.isClosed) throw connectionFailure(address, 'the wire was closed');
    const broker = brokerName(address);
    const name = `${broker}/${lane}`;
    let connection = this.connections.get(name);
    if (connection === undefined) this.connections.set(name, (connection = this.options.open(address)));
    const open = this.requests.begin(broker, codec.name);
    this.watch();
    try {
      const answer = await connection.request(codec, request, this.options.requestTimeoutMs + timeoutMs);
      this.announced.answers(broker);
      return answer;
    } catch (error) {
      const isMember = Array.from(this.nodes.values(), brokerName).includes(broker);
      if (isMember && !this.isClosed) this.announced.fails(broker, error);
      throw error;
    } finally {
      this.requests.end(open);
    }
  }

  private adopt(metadata: ClusterMetadata, isConfirmed: boolean): void {
    this.nodes.clear();
    for (const broker of metadata.brokers) this.nodes.set(broker.nodeId, this.announced.reached(broker));
    this.controllerNode = metadata.controller;
    this.leaders.update(metadata.topics, isConfirmed);
    const known = new Set([...this.nodes.values()].map(brokerName));
    for (const [name, connection] of this.connections) {
      const broker = name.slice(0, name.indexOf('/'));
      // Other addresses of the same brokers may be in use by whoever connects at the same time.
      const isSeed = this.seeds.some((seed) => brokerName(seed) === broker);
      if (known.has(broker) || (isSeed && !this.isDoubted(broker))) continue;
      this.connections.delete(name);
      connection.close('the broker is not part of the cluster now');
    }
  }

  private isDoubted(broker: string): boolean {
    return this.requests.olderThan(DOUBTED_AFTER_MS).some((request) => request.broker === broker);
  }

  /** Runs while answers are outstanding. */
  private watch(): void {
    if (this.cancelWatch !== undefined || this.isClosed) return;
    this.cancelWatch = this.options.clock.schedule(WATCH_INTERVAL_MS, () => {
      this.cancelWatch = undefined;
      if (this.requests.isEmpty) return;
      const late = this.requests.olderThan(DOUBTED_AFTER_MS);
      for (const request of late) this.report(request);
      if (late.length > 0) this.doubt();
      this.watch();
    });
  }

  private doubt(): void {
    if (this.isDoubting) return;
    this.isDoubting = true;
    void this.refresh()
      .catch(() => undefined)
      .finally(() => {
        this.isDoubting = false;
      });
  }

  private report(request: OpenRequest): void {
    const waitedMs = this.options.clock.monotonic() - request.sentAtMs;
    if (request.isReported || waitedMs < REPORTED_AFTER_MS || PARKED.has(request.api)) return;
    request.isReported = true;
    const seconds = Math.round(waitedMs / 1000);
    this.logger.warn(`A ${request.api} request has waited ${seconds} s for the answer of broker ${request.broker}.`);
  }
}
