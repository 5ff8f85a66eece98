import type { ApiName, RequestOf, ResponseOf } from './protocol/messages.js';

/** What a coordinator coordinates (KIP-98): a consumer group or a transactional id. */
export type CoordinatorType = 'group' | 'transaction';

/**
 * Carries Kafka requests to brokers: connections, TLS, SASL and cluster metadata, and nothing else.
 *
 * The reader, the producers, the group member and the admin are written once on top of it; what differs between a real cluster and the
 * embedded log is only which wire carries their requests. A wire that times out drops that connection, so that the next request gets a
 * fresh one. It never retries by itself. Every failure of transport rejects with a `LogError` of kind `retriable` (code
 * `LOG_CONNECTION`); an error code inside a response is data, and left to the caller.
 */
export interface Wire {
  connect(): Promise<void>;
  /** Idempotent; requests under way reject. */
  close(): Promise<void>;

  /** Adds topics to the metadata kept fresh, and refreshes it. A topic that does not exist is kept and simply has no partitions yet. */
  track(topics: readonly string[]): Promise<void>;
  refresh(): Promise<void>;

  /** Partition numbers of a tracked topic in order; empty if it does not exist. */
  partitions(topic: string): readonly number[];
  /** Whether the brokers refuse to describe a tracked topic to this user. It may exist. Absent: no topic is refused. */
  isForbidden?(topic: string): boolean;
  /** Node id of the leader, or undefined while there is none. */
  leaderOf(topic: string, partition: number): number | undefined;
  /** Some node that is believed to be up. */
  anyNode(): number;
  /** Node id of the cluster's controller, or of any node where every broker forwards to it. */
  controller(): number;

  /** Asks the cluster; never answered from a cache. */
  coordinator(key: string, type: CoordinatorType): Promise<number>;

  /** Sends one request. `timeoutMs` extends the wire's own request time-out for requests that park at the broker. */
  send<A extends ApiName>(node: number, api: A, request: RequestOf<A>, timeoutMs?: number): Promise<ResponseOf<A>>;
}

/** Opens one wire per role, named for the client id: `bank-1-source`, `bank-1-commit`. */
export type WireFactory = (role: string) => Wire;
