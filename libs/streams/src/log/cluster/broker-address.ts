import type { NodeAddress } from './node-connection.js';

/** @param broker `host:port` or `[IPv6]:port` */
export function parseBrokerAddress(broker: string): NodeAddress {
  const colon = broker.lastIndexOf(':');
  const host = broker.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(broker.slice(colon + 1)) };
}

/** Returns the text that `parseBrokerAddress` reads. */
export function brokerName({ host, port }: NodeAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
