import type { ConnectionOptions } from 'node:tls';

/** How to reach a Kafka cluster. */
export interface KafkaOptions {
  /** `host:port` of some brokers; the rest of the cluster is learned from them. */
  readonly brokers: readonly string[];
  /**
   * Where to reach brokers whose announced addresses (`advertised.listeners`) cannot be reached from here: `host:port` by announced `host:port`, for
   * example `{ 'kafka-1:9092': 'localhost:19092' }`. Default: none.
   */
  readonly addresses?: Readonly<Record<string, string>>;
  /** TLS with the system's certificates (`true`), or with these options of Node's `tls.connect`. Default: no TLS. */
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SaslOptions;
  /** Default 10,000. */
  readonly connectionTimeoutMs?: number;
  /** Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Prefix of the client ids that brokers log and put quotas on. Default `nestjs-streams`. */
  readonly clientId?: string;
}

/** What of these has a default. */
export const KAFKA_DEFAULTS = {
  connectionTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  clientId: 'nestjs-streams',
} as const satisfies Partial<KafkaOptions>;

export type SaslOptions =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      /** Called for each connection. */
      readonly oauthBearerProvider: () => Promise<{ readonly value: string }>;
    };
