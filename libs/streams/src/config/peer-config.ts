import type { OptionReader } from './option-reader.js';
import type { PeerConfig, PeerTlsOptions } from './peer-options.js';
import type { RuntimeConfig } from './runtime-config.js';
import type { StreamsOptions } from './streams-options.js';

const MIN_SECRET_LENGTH = 16;
const TLS_KEYS = ['ca', 'cert', 'key'];

export function peerConfig(read: OptionReader): PeerConfig {
  return {
    secret: read.string('peers.secret'),
    tls: read.value<PeerTlsOptions>('peers.tls'),
    timeoutMs: read.number('peers.timeout') ?? 2000,
    heartbeatIntervalMs: read.number('peers.heartbeatInterval') ?? 1000,
  };
}

/** Whether instances call each other. */
export function hasPeers({ secret, tls }: PeerConfig): boolean {
  return secret !== undefined || tls?.cert !== undefined;
}

export function peerProblems(options: StreamsOptions, { peers, advertisedUrl }: RuntimeConfig): string[] {
  if (options?.peers === undefined) return [];
  const problems: string[] = [];
  const { secret, tls } = peers;
  if (advertisedUrl === undefined)
    problems.push('"peers" needs "advertisedUrl": it is where the other instances call this one.');
  if (secret !== undefined && secret.length < MIN_SECRET_LENGTH)
    problems.push(
      `"peers.secret" must have at least ${MIN_SECRET_LENGTH} characters, for example of \`openssl rand -hex 32\`.`,
    );
  if (
    tls !== undefined &&
    (typeof tls !== 'object' || tls === null || Object.keys(tls).some((key) => !TLS_KEYS.includes(key)))
  )
    problems.push('"peers.tls" is an object with "ca", "cert" and "key".');
  else if (secret === undefined && tls?.cert === undefined)
    problems.push(
      '"peers" needs "secret", or "tls" with a client certificate: calls between instances are never open.',
    );
  if (secret === undefined && tls?.cert !== undefined && advertisedUrl?.startsWith('http:'))
    problems.push(
      '"peers.tls" proves nothing over plain http: make "advertisedUrl" an https URL, or give "peers.secret".',
    );
  return problems;
}
