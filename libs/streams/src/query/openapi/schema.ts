import type { Serde } from '../../serdes/serde.js';

/** Of JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: 'string' };
const DECIMAL: Schema = { type: 'string', pattern: '^-?\\d+$', description: 'A whole number in decimals, as text.' };

/** How serdes write keys in URLs. */
const KEYS: Readonly<Record<string, Schema>> = {
  string: TEXT,
  int32: { type: 'string', pattern: '^(0|-?[1-9]\\d{0,9})$' },
  int64: { type: 'string', pattern: '^(0|-?[1-9]\\d{0,18})$' },
  boolean: { type: 'string', enum: ['true', 'false'] },
  bytes: { type: 'string', description: 'Base64url without padding, or base64 with it.' },
  json: { type: 'string', description: 'JSON without spaces; text stands in double quotes.' },
};

/** How serdes come out as JSON. */
const VALUES: Readonly<Record<string, Schema>> = {
  string: TEXT,
  int32: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  int64: DECIMAL,
  float64: { oneOf: [{ type: 'number' }, { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }] },
  boolean: { type: 'boolean' },
  bytes: { type: 'string', contentEncoding: 'base64' },
};

/** Of a key as text in a URL or in the body of a look-up. */
export function keyTextSchema({ name }: Serde<unknown>): Schema {
  return KEYS[name] ?? TEXT;
}

/** Of a key or value in JSON; anything where the serde says nothing of it. */
export function jsonSchema({ name }: Serde<unknown>): Schema {
  return VALUES[name] ?? {};
}
