import { successorOfPrefix } from '../../bytes/successor-of-prefix.js';
import { SerdeError } from '../../errors/serde-error.js';
import { keyRange } from '../../serdes/key-range.js';
import type { KeyBounds } from '../../stores/store-engine.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { QueryError } from '../problem/query-error.js';
import { parseKey, readPrefix } from '../read-key.js';

export type ScanOrder = 'asc' | 'desc';

/** Keys in their text form; both ends are inclusive, whatever the order. */
export interface KeyRange {
  readonly from?: string;
  readonly to?: string;
  readonly prefix?: string;
}

/** @throws QueryError */
export function readRange(definition: StoreDefinition, { from, to, prefix }: KeyRange): KeyBounds {
  if (prefix !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new QueryError('invalid-parameter', '"prefix" does not go together with "from" or "to".', {
        members: { parameter: 'prefix' },
      });
    }
    const gte = readPrefix(definition, prefix);
    return bounds(gte, successorOfPrefix(gte));
  }
  const low = from === undefined ? undefined : parseKey(definition, from).key;
  const high = to === undefined ? undefined : parseKey(definition, to).key;
  try {
    return keyRange(definition.key, low, high);
  } catch (cause) {
    if (!(cause instanceof SerdeError)) throw cause;
    throw new QueryError(
      'invalid-parameter',
      `The store "${definition.name}" cannot read this range. ${cause.message}`,
      {
        cause,
        members: { store: definition.name, parameter: from === undefined ? 'to' : 'from' },
      },
    );
  }
}

/** The least key above `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Buffer.of(0)]);
}

export function bounds(gte: Uint8Array | undefined, lt: Uint8Array | undefined): KeyBounds {
  return { ...(gte && { gte }), ...(lt && { lt }) };
}

export function isEmptyRange({ gte, lt }: KeyBounds): boolean {
  return lt !== undefined && Buffer.compare(gte ?? Buffer.alloc(0), lt) >= 0;
}
