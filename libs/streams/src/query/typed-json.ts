import { bufferOf } from '../bytes/buffer-of.js';
import type { Serde } from '../serdes/serde.js';

/**
 * JSON of what serdes read. What JSON has no form for becomes a string: a `bigint` in decimals (exact, also beyond 2^53), bytes in base64,
 * NaN and the infinities by name.
 */
export function typedJson(value: unknown): string {
  return JSON.stringify(value, replaceUntyped) ?? 'null';
}

/** How a value travels alone: the stored bytes where their serde names a media type, JSON otherwise. */
export function valueBody(serde: Serde<unknown>, bytes: Uint8Array): { contentType: string; body: Uint8Array } {
  if (serde.contentType !== undefined) return { contentType: serde.contentType, body: bytes };
  return { contentType: 'application/json', body: Buffer.from(typedJson(serde.deserialize(bytes)), 'utf8') };
}

// The holder is asked because a Buffer's own `toJSON` has run before.
function replaceUntyped(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (typeof original === 'bigint') return String(original);
  if (typeof original === 'number' && !Number.isFinite(original)) return String(original);
  if (original instanceof Uint8Array) return bufferOf(original).toString('base64');
  return value;
}
