import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Cluster, Kafka } from 'kafkajs';
import { StreamsError } from '../../errors/streams-error.js';
import type { NodeAddress } from '../cluster/node-connection.js';

/**
 * The only file that touches what kafkajs does not publish. Written against exactly 2.2.4, which has not moved since 2023; the checks here name the
 * member that is missing should another version be forced in. The list:
 *
 * 1. `Cluster` through a partition assigner's factory (public), its `connectionPoolBuilder.build` and `brokerPool.createBroker`;
 * 2. `Broker.connect`: socket, TLS, SASL;
 * 3. `broker.connectionPool.pool[0]`: `send` with an encoder and decoder of our own, `socket`, `requestQueue.destroy`;
 * 4. `RequestQueue.prototype.scheduleCheckPendingRequests`, guarded: idle connections spin a 1 ms timer otherwise.
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

/** kafkajs' connection to one broker: it is given up with its first failure. */
export interface KafkaJsBroker {
  connect(): Promise<void>;
  /** Settles the request, unless the connection has failed meanwhile: then perhaps never. */
  send(request: KafkaJsRequest): Promise<unknown>;
  /** The connection behind it, once connected. */
  readonly socket: Socket | null;
  /** Ends the socket and every timer at once. */
  abandon(): void;
}

export type KafkaJsBrokers = (address: NodeAddress) => Promise<KafkaJsBroker>;

interface InternalConnection {
  readonly socket: Socket | null;
  readonly requestQueue: { destroy(): void };
  send(request: KafkaJsRequest): Promise<unknown>;
}

interface InternalPool {
  readonly pool: readonly InternalConnection[];
}

interface InternalCluster {
  readonly connectionPoolBuilder: { build(address: NodeAddress): Promise<InternalPool> };
  readonly brokerPool: {
    readonly rootLogger: unknown;
    createBroker(options: { connectionPool: InternalPool; logger: unknown }): { connect(): Promise<void> };
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

/** Connections with the settings of `kafka`. Nothing connects yet. @throws StreamsError if this kafkajs is another than it is written for. */
export function kafkaJsBrokers(kafka: Kafka): KafkaJsBrokers {
  const { connectionPoolBuilder, brokerPool } = captureCluster(kafka);
  return async (address) => {
    const connectionPool = await connectionPoolBuilder.build(address);
    // Its second connection is never opened: each lane has a pool of its own.
    const [connection] = connectionPool.pool ?? [];
    if (!isFunction(connection?.send)) throw unsupported('ConnectionPool.pool[0].send');
    if (!isFunction(connection.requestQueue?.destroy)) throw unsupported('Connection.requestQueue.destroy');
    const broker = brokerPool.createBroker({ connectionPool, logger: brokerPool.rootLogger });
    if (!isFunction(broker.connect)) throw unsupported('Broker.connect');
    return {
      connect: () => broker.connect(),
      send: (request) => connection.send(request),
      get socket() {
        return connection.socket;
      },
      abandon() {
        connection.requestQueue.destroy();
        connection.socket?.destroy();
      },
    };
  };
}

/** Takes the cluster object that a consumer of `kafka` would use. */
function captureCluster(kafka: Kafka): InternalCluster {
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
  const cluster = captured as unknown as InternalCluster | undefined;
  if (cluster === undefined) throw unsupported('partitionAssigners');
  if (!isFunction(cluster.connectionPoolBuilder?.build)) throw unsupported('Cluster.connectionPoolBuilder.build');
  if (!isFunction(cluster.brokerPool?.createBroker)) throw unsupported('Cluster.brokerPool.createBroker');
  return cluster;
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
