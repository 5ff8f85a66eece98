import { bufferOf } from '../bytes/buffer-of.js';

/**
 * Text forms of keys in URLs. Each parser takes exactly what its formatter writes (numbers also in the exponent forms of JSON) and answers
 * undefined for anything else, so that one key has one address.
 */
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NON_FINITE: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

export function parseInteger(text: string): number | undefined {
  const value = INTEGER.test(text) ? Number(text) : undefined;
  return value !== undefined && value === (value | 0) ? value : undefined;
}

export function parseBigInteger(text: string): bigint | undefined {
  const value = INTEGER.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value === BigInt.asIntN(64, value) ? value : undefined;
}

export function formatInteger(key: number | bigint): string {
  return String(key);
}

export function parseFloat64(text: string): number | undefined {
  if (Object.hasOwn(NON_FINITE, text)) return NON_FINITE[text];
  const value = DECIMAL.test(text) ? Number(text) : undefined;
  return Number.isFinite(value) ? value : undefined;
}

export function formatFloat(key: number): string {
  return Object.is(key, -0) ? '-0' : String(key);
}

export function parseBoolean(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

export function formatBoolean(key: boolean): string {
  return String(key);
}

/** Base64url without padding; base64 with its padding is read too, because that is how bytes stand in JSON. */
export function parseBytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64url') === text || bytes.toString('base64') === text ? bytes : undefined;
}

export function formatBytes(key: Uint8Array): string {
  return bufferOf(key).toString('base64url');
}
