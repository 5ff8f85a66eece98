import type { Duration } from './duration.js';

/** How instances of one application call each other. */
export interface PeerOptions {
  /** Known to all instances and to nobody else, of 16 characters or more: calls are signed with it. */
  readonly secret?: string;
  /** For `https` URLs: what a client of node:tls takes. With a certificate and without `secret`, calls are authenticated by it. */
  readonly tls?: PeerTlsOptions;
  /** How long another instance may take to answer. Default 2 s. */
  readonly timeout?: Duration;
  /** Time between two reports of what an instance holds. Default 1 s. */
  readonly heartbeatInterval?: Duration;
}

/** PEM texts. */
export interface PeerTlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface PeerConfig {
  readonly secret: string | undefined;
  readonly tls: PeerTlsOptions | undefined;
  readonly timeoutMs: number;
  readonly heartbeatIntervalMs: number;
}
