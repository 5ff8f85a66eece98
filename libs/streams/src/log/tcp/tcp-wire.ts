import type { Clock } from '../../time/clock.js';
import { ClusterWire } from '../cluster/cluster-wire.js';
import type { Wire } from '../wire.js';
import { TcpConnection } from './tcp-connection.js';

export interface TcpWireOptions {
  /** `host:port` of brokers to begin with. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly clock: Clock;
  /** Default 30,000. */
  readonly requestTimeoutMs?: number;
}

/** Kafka over plain TCP, without TLS and SASL: a second wire that keeps the port honest, used by tests. */
export function createTcpWire({ brokers, clientId, clock, requestTimeoutMs = 30_000 }: TcpWireOptions): Wire {
  return new ClusterWire({
    brokers,
    requestTimeoutMs,
    clock,
    open: (address) => new TcpConnection(address, clientId, clock),
  });
}
