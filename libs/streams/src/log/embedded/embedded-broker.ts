import { silentLogger, type StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import type { WireFactory } from '../wire.js';
import { LogCleaner } from './cleanup/log-cleaner.js';
import { FetchRequests } from './data/fetch-requests.js';
import { ProduceRequests } from './data/produce-requests.js';
import { EmbeddedClient } from './embedded-client.js';
import { connectionError, type WireBroker } from './embedded-wire.js';
import { GroupCoordinator } from './groups/group-coordinator.js';
import { GroupOffsets } from './groups/group-offsets.js';
import type { Interceptor } from './interceptor.js';
import { BatchCache } from './partition/batch-cache.js';
import { Journal } from './storage/journal.js';
import { loadState, type BrokerState } from './storage/load-state.js';
import type { LogStorage } from './storage/log-storage.js';
import { listOffsets } from './topics/offset-requests.js';
import { TopicRegistry } from './topics/topic-registry.js';
import { TopicRequests } from './topics/topic-requests.js';
import { ProducerIds } from './transactions/producer-ids.js';
import { TransactionCoordinator } from './transactions/transaction-coordinator.js';
import { TransactionRequests } from './transactions/transaction-requests.js';

const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024;
const DEFAULT_CLEANUP_INTERVAL_MS = 30_000;

export interface EmbeddedBrokerOptions {
  readonly clock: Clock;
  readonly logger?: StreamsLogger;
  /** Absent: memory only. The broker closes it. */
  readonly storage?: LogStorage;
  /** Bytes that a partition keeps of a topic whose policy is `delete` and that says nothing about its retention. Default: no limit. */
  readonly defaultRetentionBytes?: number;
  /** With a storage, how many bytes of the latest batches stay in memory. Default 32 MiB. */
  readonly cacheMaxBytes?: number;
  /** Time between runs of retention and compaction; 0 for none. Default 30,000. */
  readonly cleanupIntervalMs?: number;
}

type Handlers = {
  readonly [A in ApiName]: (request: RequestOf<A>, role: string) => ResponseOf<A> | Promise<ResponseOf<A>>;
};

/** A Kafka cluster of one broker inside the process, spoken to through wires. */
export class EmbeddedBroker implements WireBroker {
  private readonly journal: Journal;
  private readonly state: BrokerState;
  private readonly groups: GroupCoordinator;
  private readonly fetches: FetchRequests;
  private readonly cleaner: LogCleaner;
  private readonly handlers: Handlers;
  private readonly clients: EmbeddedClient[] = [];
  private own = this.client();
  private interceptors: readonly Interceptor[] = [];
  private isClosed = false;

  constructor(private readonly options: EmbeddedBrokerOptions) {
    const { clock, logger = silentLogger, storage, defaultRetentionBytes } = options;
    const { cacheMaxBytes = DEFAULT_CACHE_BYTES, cleanupIntervalMs = DEFAULT_CLEANUP_INTERVAL_MS } = options;
    this.journal = new Journal(storage, new BatchCache(cacheMaxBytes));
    const topics = new TopicRegistry(this.journal, defaultRetentionBytes);
    const offsets = new GroupOffsets(this.journal);
    const producerIds = new ProducerIds(this.journal);
    const transactions = new TransactionCoordinator(topics, offsets, producerIds, this.journal, clock);
    this.state = { topics, offsets, producerIds, transactions };
    this.groups = new GroupCoordinator(topics, offsets, transactions, clock);
    this.fetches = new FetchRequests(topics, clock);
    this.cleaner = new LogCleaner({ topics, clock, logger, intervalMs: cleanupIntervalMs });
    const produces = new ProduceRequests(topics, transactions, clock);
    const topicRequests = new TopicRequests(topics, (topic) => offsets.forgetTopic(topic));
    const transactionRequests = new TransactionRequests(topics, transactions, this.groups, producerIds);
    this.handlers = {
      fetch: (request) => this.fetches.fetch(request),
      produce: (request) => produces.produce(request),
      listOffsets: (request) => listOffsets(topics, request),
      joinGroup: (request, role) => this.groups.join(request, role),
      syncGroup: (request) => this.groups.sync(request),
      heartbeat: (request) => this.groups.heartbeat(request),
      leaveGroup: (request) => this.groups.leave(request),
      offsetCommit: (request) => this.groups.commitOffsets(request),
      offsetFetch: (request) => this.groups.fetchOffsets(request),
      initProducerId: (request) => transactionRequests.initProducerId(request),
      addPartitionsToTxn: (request) => transactionRequests.addPartitions(request),
      addOffsetsToTxn: (request) => transactionRequests.addOffsets(request),
      txnOffsetCommit: (request) => transactionRequests.commitOffsets(request),
      endTxn: (request) => transactionRequests.end(request),
      createTopics: (request) => topicRequests.create(request),
      topicIds: (request) => topicRequests.ids(request),
      deleteTopics: (request) => topicRequests.delete(request),
      describeConfigs: (request) => topicRequests.describeConfigs(request),
      deleteRecords: (request) => topicRequests.deleteRecords(request),
    };
  }

  /** Takes over what an earlier run left in the storage; without one there is nothing to do. Called once, before the first request. */
  async load(): Promise<void> {
    if (this.options.storage !== undefined) await loadState(this.options.storage, this.state);
  }

  /** Puts `interceptor` around every request, outside of those before it. @returns what takes it away again. */
  intercept(interceptor: Interceptor): () => void {
    this.interceptors = [...this.interceptors, interceptor];
    return () => {
      this.interceptors = this.interceptors.filter((each) => each !== interceptor);
    };
  }

  /** Opens wires for whoever is no client of its own; interceptors see their roles. Taken once by each log, so that `halt` tells the old from the new. */
  get wires(): WireFactory {
    return this.own.wires;
  }

  /** Wires that can be halted apart from the others, as those of one process of several. */
  client(name?: string): EmbeddedClient {
    const client = new EmbeddedClient(this, name);
    this.clients.push(client);
    return client;
  }

  /** Halts every client there is, and whoever took `wires` until now. */
  halt(): void {
    for (const client of this.clients) client.halt();
    this.own = this.client();
  }

  /** Applies retention, and compacts where enough was appended, now. */
  runCleanup(): Promise<void> {
    return this.cleaner.run();
  }

  /** Compacts the decided part of a topic now. */
  compact(topic: string): Promise<void> {
    return this.cleaner.compact(topic);
  }

  /** Adds partitions to a topic, as `kafka-topics.sh --alter` does. */
  addPartitions(topic: string, count: number): void {
    this.state.topics.grow(topic, count);
  }

  /** Deletes the committed offsets of a group, as Kafka does a week after its last member left. */
  expireOffsets(groupId: string): void {
    this.state.offsets.forgetGroup(groupId);
  }

  /** Ends timers and parked requests, and closes the storage after what is being written. Idempotent. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.groups.close();
    this.state.transactions.close();
    this.fetches.close();
    for (const client of this.clients) await client.close();
    await this.cleaner.close();
    await this.journal.settled()?.catch(() => undefined);
    await this.options.storage?.close();
  }

  async reach(): Promise<void> {
    if (this.isClosed) throw connectionError('it is closed');
  }

  handle<A extends ApiName>(role: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    let send = (): Promise<ResponseOf<A>> => this.execute(role, api, request);
    for (const interceptor of this.interceptors) {
      const next = send;
      send = () => interceptor(role, api, request, next);
    }
    return send();
  }

  partitionCount(topic: string): number {
    return this.state.topics.get(topic)?.partitions.length ?? 0;
  }

  /** No answer leaves before everything that led to it is stored. */
  private async execute<A extends ApiName>(role: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    await this.reach();
    const response = await this.handlers[api](request, role);
    const storing = this.journal.settled();
    if (storing !== undefined) await storing;
    return response;
  }
}
