import { reasonOf } from '../errors/reason-of.js';
import { SerdeError } from '../errors/serde-error.js';
import type { KeyBytesRange } from './key-range.js';
import type { Serde } from './serde.js';

/** Returns the serde of a store's keys or values: `serde`, with errors that name the store. */
export function serdeOfStore<T>(serde: Serde<T>, store: string, part: 'key' | 'value'): Serde<T> {
  const named = (cause: unknown): SerdeError =>
    new SerdeError(serde.name, `Store "${store}", ${part}: ${reasonOf(cause)}`, { cause });
  const { fromText, contentType } = serde;
  return {
    name: serde.name,
    serialize(value) {
      try {
        return serde.serialize(value);
      } catch (error) {
        throw named(error);
      }
    },
    deserialize(bytes) {
      try {
        return serde.deserialize(bytes);
      } catch (error) {
        throw named(error);
      }
    },
    ...(serde.check && {
      check(value: T): void {
        try {
          serde.check!(value);
        } catch (error) {
          throw named(error);
        }
      },
    }),
    ...(serde.checkRoundTrip && {
      checkRoundTrip(value: T): void {
        try {
          serde.checkRoundTrip!(value);
        } catch (error) {
          throw named(error);
        }
      },
    }),
    ...(serde.keyRange && {
      keyRange(from?: T, to?: T): KeyBytesRange {
        try {
          return serde.keyRange!(from, to);
        } catch (error) {
          throw named(error);
        }
      },
    }),
    ...(fromText && { fromText: (text: string) => serde.fromText!(text) }),
    ...(serde.parseKey && { parseKey: (text: string) => serde.parseKey!(text) }),
    ...(serde.formatKey && { formatKey: (key: T) => serde.formatKey!(key) }),
    ...(contentType !== undefined && { contentType }),
  };
}
