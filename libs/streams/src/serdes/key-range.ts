import { SerdeError } from '../errors/serde-error.js';
import type { Serde } from './serde.js';

/** Serialised keys from `gte` (inclusive) to `lt` (exclusive), compared as unsigned bytes; an absent bound is open. */
export interface KeyBytesRange {
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
}

/** Sorts above the bytes of all numbers without a sign, and below those of all numbers with one. */
const SIGN = Buffer.of(0x80);

/** Returns where the keys from `from` to `to` are, both inclusive. @throws SerdeError if they are not next to each other, or if one is not a key. */
export function keyRange<T>(serde: Serde<T>, from: T | undefined, to: T | undefined): KeyBytesRange {
  if (serde.keyRange !== undefined) return serde.keyRange(from, to);
  return inclusiveRange(
    from === undefined ? undefined : serde.serialize(from),
    to === undefined ? undefined : serde.serialize(to),
  );
}

/** The range between two serialised keys, both inclusive. */
export function inclusiveRange(from: Uint8Array | undefined, to: Uint8Array | undefined): KeyBytesRange {
  return range(from, to && after(to));
}

/**
 * The range of numbers whose first bit is their sign, so that negative ones sort after all others.
 * @param negatives how the bytes of negative numbers sort.
 */
export function signedKeyRange(
  name: string,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
  negatives: 'ascending' | 'descending',
): KeyBytesRange {
  if (from === undefined && to === undefined) return {};
  const startsBelowZero = from === undefined || hasSign(from);
  const endsBelowZero = to !== undefined && hasSign(to);
  if (startsBelowZero && !endsBelowZero)
    throw new SerdeError(
      name,
      `The range crosses zero. Keys of the serde "${name}" are stored in the order of their bytes, negative numbers after all others. ` +
        'Read two ranges: one with "to" below 0, and one with "from" at 0 or above.',
    );
  // From a number to one with a sign: nothing is in between.
  if (!startsBelowZero && endsBelowZero) return { gte: from!, lt: from! };
  if (!endsBelowZero) return range(from, to === undefined ? SIGN : after(to));
  return negatives === 'ascending' ? inclusiveRange(from ?? SIGN, to) : inclusiveRange(to, from);
}

function range(gte: Uint8Array | undefined, lt: Uint8Array | undefined): KeyBytesRange {
  return { ...(gte && { gte }), ...(lt && { lt }) };
}

/** The least key above `key`. */
function after(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Buffer.of(0)]);
}

function hasSign(bytes: Uint8Array): boolean {
  return bytes[0] >= 0x80;
}
