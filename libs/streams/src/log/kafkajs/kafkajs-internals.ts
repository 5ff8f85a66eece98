import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import kafkajs, { type Cluster, type Kafka } from 'kafkajs';
import { StreamsError } from '../../errors/streams-error.js';

/**
 * The only file that touches what kafkajs does not publish. Written against exactly 2.2.4, which has not moved since 2023; `check` names the
 * member that is missing should another version be forced in. The list:
 *
 * 1. `Cluster` through a partition assigner's factory (public), its `brokerPool.brokers` and `brokerPool.metadata.controllerId`;
 * 2. `broker.connectionPool.send` with an encoder and decoder of our own;
 * 3. `broker.connectionPool.pool[lane]`: `socket`, `rejectRequests`, `disconnect`, to drop a dead connection;
 * 4. `findGroupCoordinator({ coordinatorType })`, typed without that field;
 * 5. `RequestQueue.prototype.scheduleCheckPendingRequests`, guarded: idle connections spin a 1 ms timer otherwise.
 */
const SUPPORTED_VERSION = '2.2.4';

export interface KafkaJsRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: { decode(body: Buffer): Promise<unknown>; parse(value: unknown): Promise<unknown> };
  readonly requestTimeout?: number;
  readonly logResponseError: boolean;
}

interface KafkaJsConnection {
  readonly socket: Socket | null;
  rejectRequests(error: Error): void;
  disconnect(): Promise<void>;
}

export interface KafkaJsBroker {
  readonly nodeId: number;
  readonly connectionPool: { readonly pool: KafkaJsConnection[]; send(request: KafkaJsRequest): Promise<unknown> };
  disconnect(): Promise<void>;
}

export interface KafkaJsCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { nodeId: string }): Promise<KafkaJsBroker>;
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<KafkaJsBroker>;
  readonly brokerPool: {
    readonly brokers: Record<string, KafkaJsBroker>;
    readonly metadata: { readonly controllerId: number } | null;
  };
}

function unsupported(member: string): StreamsError {
  return new StreamsError(
    'LOG_KAFKAJS_UNSUPPORTED',
    `This kafkajs has no "${member}" as nestjs-streams needs it. Install exactly kafkajs ${SUPPORTED_VERSION}.`,
  );
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Takes the cluster object that a consumer of `kafka` would use; nothing connects yet. */
export function captureCluster(kafka: Kafka): KafkaJsCluster {
  let captured: Cluster | undefined;
  kafka.consumer({
    groupId: 'nestjs-streams-wire',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        captured = cluster;
        return {
          name: 'none',
          version: 0,
          assign: () => Promise.resolve([]),
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        };
      },
    ],
  });
  const cluster = captured as unknown as KafkaJsCluster | undefined;
  if (cluster === undefined) throw unsupported('partitionAssigners');
  for (const member of ['connect', 'disconnect', 'refreshMetadata', 'findBroker', 'findGroupCoordinator'] as const) {
    if (!isFunction(cluster[member])) throw unsupported(`Cluster.${member}`);
  }
  if (typeof cluster.brokerPool?.brokers !== 'object') throw unsupported('Cluster.brokerPool.brokers');
  return cluster;
}

/** @throws StreamsError if a connected broker lacks what requests and dropped connections need. */
export function checkBroker(broker: KafkaJsBroker): void {
  if (!isFunction(broker.connectionPool?.send)) throw unsupported('Broker.connectionPool.send');
  const [connection] = broker.connectionPool.pool ?? [];
  if (connection === undefined) throw unsupported('ConnectionPool.pool');
  if (!isFunction(connection.rejectRequests) || !isFunction(connection.disconnect))
    throw unsupported('Connection.rejectRequests');
}

/**
 * kafkajs keeps a socket whose request timed out, and waits on it for minutes if the peer is gone. The requests of that lane fail at once and
 * the next one connects anew. Fetch has a lane of its own.
 */
export function dropConnection(broker: KafkaJsBroker, isFetch: boolean): void {
  const connection = broker.connectionPool.pool[isFetch ? 1 : 0];
  const { socket } = connection;
  connection.rejectRequests(new kafkajs.KafkaJSConnectionError('request timed out, connection dropped'));
  void connection.disconnect().catch(() => {});
  socket?.destroy();
}

const GUARDED = Symbol.for('nestjs-streams.kafkajs.idle-timer-guard');

interface RequestQueuePrototype {
  pending: unknown[];
  scheduleCheckPendingRequests?: () => void;
  [GUARDED]?: true;
}

/** An idle queue reschedules its check every millisecond; with nothing pending there is nothing to check. Applied once a process. */
export function guardIdleTimer(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueuePrototype;
  };
  const { prototype } = queue;
  if (prototype[GUARDED]) return;
  const original = prototype.scheduleCheckPendingRequests;
  if (original === undefined) throw unsupported('RequestQueue.scheduleCheckPendingRequests');
  prototype.scheduleCheckPendingRequests = function (this: RequestQueuePrototype): void {
    if (this.pending.length > 0) original.call(this);
  };
  prototype[GUARDED] = true;
}
