import type { KeyBounds } from '../store-engine.js';

export function isWithin(key: Uint8Array, { gte, lt }: KeyBounds): boolean {
  return (gte === undefined || Buffer.compare(key, gte) >= 0) && (lt === undefined || Buffer.compare(key, lt) < 0);
}
