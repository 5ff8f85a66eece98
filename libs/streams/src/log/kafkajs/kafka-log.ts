import kafkajs, { type SASLOptions } from 'kafkajs';
import { KAFKA_DEFAULTS, type KafkaOptions } from '../../config/kafka-options.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { WireLog } from '../client/wire-log.js';
import { ClusterWire } from '../cluster/cluster-wire.js';
import type { NodeAddress, NodeConnection } from '../cluster/node-connection.js';
import type { Log } from '../log.js';
import type { Wire } from '../wire.js';
import { KafkaJsConnection } from './kafkajs-connection.js';
import { guardIdleTimer, kafkaJsBrokers } from './kafkajs-internals.js';

export interface KafkaLogContext {
  readonly clock: Clock;
  readonly logger?: StreamsLogger;
}

/** The log of a Kafka cluster, through kafkajs' connections. Nothing connects before `connect`. */
export function createKafkaLog(options: KafkaOptions, context: KafkaLogContext): Log {
  return new WireLog({ kind: 'kafka', ...context, wires: (role) => createKafkaJsWire(options, role, context) });
}

/** One role's connections to the cluster: TLS, SASL and sockets are kafkajs', everything above them is not. */
export function createKafkaJsWire(options: KafkaOptions, role: string, { clock, logger }: KafkaLogContext): Wire {
  guardIdleTimer();
  const requestTimeoutMs = options.requestTimeoutMs ?? KAFKA_DEFAULTS.requestTimeoutMs;
  const kafka = new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: `${options.clientId ?? KAFKA_DEFAULTS.clientId}-${role}`,
    ssl: options.ssl,
    // A copy: kafkajs keeps its state in there. Its own union does not accept a mechanism that is one of several.
    sasl: options.sasl && ({ ...options.sasl } as SASLOptions),
    connectionTimeout: options.connectionTimeoutMs ?? KAFKA_DEFAULTS.connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const brokers = kafkaJsBrokers(kafka);
  const open = (address: NodeAddress): NodeConnection => new KafkaJsConnection(brokers, address, clock);
  return new ClusterWire({
    brokers: options.brokers,
    addresses: options.addresses,
    requestTimeoutMs,
    clock,
    logger,
    open,
  });
}
