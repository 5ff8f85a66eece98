import { SerdeError } from '../errors/serde-error.js';
import { booleanSerde, bytesSerde, float64Serde, int32Serde, int64Serde } from './binary-serdes.js';
import type { Serde } from './serde.js';
import { json, stringSerde } from './text-serdes.js';

/** Serdes that can be given by name. */
export type SerdeName = 'string' | 'json' | 'bytes' | 'int32' | 'int64' | 'float64' | 'boolean';

const serdes: Readonly<Record<SerdeName, Serde<unknown>>> = Object.freeze({
  string: stringSerde,
  json: json<unknown>(),
  bytes: bytesSerde,
  int32: int32Serde,
  int64: int64Serde,
  float64: float64Serde,
  boolean: booleanSerde,
});

/** @throws SerdeError listing the known names. */
export function resolveSerde<T>(serde: Serde<T> | SerdeName): Serde<T> {
  if (typeof serde === 'object' && serde !== null) return serde;
  const known = Object.hasOwn(serdes, serde) ? serdes[serde] : undefined;
  if (known === undefined) {
    throw new SerdeError(
      String(serde),
      `There is no serde "${String(serde)}". Use one of ${Object.keys(serdes).join(', ')}, or pass an object with serialize and deserialize.`,
    );
  }
  return known as unknown as Serde<T>;
}
