import type { KeyBounds } from '../../store-engine.js';

/*
 * RocksDB's bindings refuse the empty key, and the store's own data (its position, its format) needs keys that no user key can be. So the
 * byte 0 is an escape: `00 00 ...` is ours, `00 01` is the empty key, `00 02 k...` is a key `00 k...`, and every other key is itself. The
 * order of keys is kept, and a key that does not begin with 0 is not copied.
 */
const EMPTY = Buffer.from([0, 1]);
const ZERO_FIRST = 2;

/** A key of the store's own. */
export function metadataKey(name: string): Buffer {
  return Buffer.concat([Buffer.from([0, 0]), Buffer.from(name)]);
}

export function escapeKey(key: Uint8Array): Uint8Array {
  if (key.length === 0) return EMPTY;
  if (key[0] !== 0) return key;
  const escaped = Buffer.allocUnsafe(key.length + 1);
  escaped[0] = 0;
  escaped[1] = ZERO_FIRST;
  escaped.set(key.subarray(1), 2);
  return escaped;
}

/** The same column where no key has to be escaped, which is nearly always (bench `store`, put/raw). */
export function escapeKeys(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  for (let i = 0; i < keys.length; i++) if (keys[i].length === 0 || keys[i][0] === 0) return keys.map(escapeKey);
  return keys;
}

export function unescapeKey(stored: Uint8Array): Uint8Array {
  if (stored[0] !== 0) return stored;
  if (stored[1] !== ZERO_FIRST) return stored.subarray(2);
  const key = Buffer.allocUnsafe(stored.length - 1);
  key[0] = 0;
  key.set(stored.subarray(2), 1);
  return key;
}

/** Bounds over stored keys; they leave out the store's own. */
export function escapeBounds({ gte, lt }: KeyBounds): KeyBounds {
  return { gte: gte ? escapeKey(gte) : EMPTY, ...(lt ? { lt: escapeKey(lt) } : {}) };
}
