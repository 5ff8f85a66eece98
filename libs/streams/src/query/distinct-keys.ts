import { bufferOf } from '../bytes/buffer-of.js';

/** Serialised keys without repetitions. */
export interface DistinctKeys {
  readonly distinct: readonly Uint8Array[];
  /** For each of the keys that were given, its index in `distinct`. */
  readonly places: readonly number[];
}

export function distinctKeys(keys: readonly Uint8Array[]): DistinctKeys {
  const distinct: Uint8Array[] = [];
  const known = new Map<string, number>();
  const places = keys.map((key) => {
    const text = bufferOf(key).toString('latin1');
    let place = known.get(text);
    if (place === undefined) {
      place = distinct.push(key) - 1;
      known.set(text, place);
    }
    return place;
  });
  return { distinct, places };
}
