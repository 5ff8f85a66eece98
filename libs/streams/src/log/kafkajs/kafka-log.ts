import kafkajs, { type SASLOptions } from 'kafkajs';
import { KAFKA_DEFAULTS, type KafkaOptions } from '../../config/kafka-options.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { WireLog } from '../client/wire-log.js';
import type { Log } from '../log.js';
import { guardIdleTimer } from './kafkajs-internals.js';
import { KafkaJsWire } from './kafkajs-wire.js';

// kafkajs waits by these inside metadata look-ups; its own defaults reach 30 s a step.
const METADATA_RETRY = { initialRetryTime: 50, maxRetryTime: 500 };

/** The log of a Kafka cluster, through kafkajs' connections. Nothing connects before `connect`. */
export function createKafkaLog(
  options: KafkaOptions,
  { clock, logger }: { readonly clock: Clock; readonly logger?: StreamsLogger },
): Log {
  guardIdleTimer();
  const requestTimeoutMs = options.requestTimeoutMs ?? KAFKA_DEFAULTS.requestTimeoutMs;
  return new WireLog({
    kind: 'kafka',
    clock,
    logger,
    // One kafkajs object per wire: consumers made from one object share state.
    wires: (role) =>
      new KafkaJsWire(
        new kafkajs.Kafka({
          brokers: [...options.brokers],
          clientId: `${options.clientId ?? KAFKA_DEFAULTS.clientId}-${role}`,
          ssl: options.ssl,
          // kafkajs' own union does not accept a mechanism that is one of several.
          sasl: options.sasl as SASLOptions | undefined,
          connectionTimeout: options.connectionTimeoutMs ?? KAFKA_DEFAULTS.connectionTimeoutMs,
          requestTimeout: requestTimeoutMs,
          logLevel: kafkajs.logLevel.NOTHING,
          retry: METADATA_RETRY,
        }),
        requestTimeoutMs,
      ),
  });
}
