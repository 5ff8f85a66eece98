import type { KeyBytesRange } from './key-range.js';

/**
 * Turns values into bytes and back.
 *
 * The bytes are what the changelog and the output topics hold, so any Kafka tool reads them. `deserialize` may keep views on what it is
 * given only if it copies them. Errors that either throws are reported as a bad record, with topic, partition and offset.
 */
export interface Serde<T> {
  /** Names the format in the topology's fingerprint; two serdes of one name must be compatible. */
  readonly name: string;
  serialize(value: T): Uint8Array;
  /**
   * Refuses at a low cost what `serialize` would refuse. Stores call it at each `put`, so that the handler meets the error and not the commit.
   * Without it, stores call `serialize` for that in the mode of `freezeValues`. @throws SerdeError
   */
  check?(value: T): void;
  /** Refuses what `deserialize` would give back as something else. Stores call it at each `put` in the mode of `freezeValues`. @throws SerdeError */
  checkRoundTrip?(value: T): void;
  deserialize(bytes: Uint8Array): T;
  /**
   * Text formats only: must equal `deserialize` of the UTF-8 bytes of `text`. It lets the runtime decode a whole chunk of ASCII at once
   * (bench `process`).
   */
  fromText?(text: string): T;
  /** How a key is written in a URL, percent-encoding apart. Without it a store with such keys cannot be asked for a key. @throws SerdeError */
  parseKey?(text: string): T;
  /** The text that `parseKey` reads as `key`. */
  formatKey?(key: T): string;
  /**
   * Where the keys from `from` to `to` are, both inclusive; undefined is an open end. For formats whose bytes are not in the order of their values.
   * Without it a range has all keys whose bytes lie between. @throws SerdeError for a range whose keys are not next to each other
   */
  keyRange?(from: T | undefined, to: T | undefined): KeyBytesRange;
  /** Media type of the serialised bytes: queries hand them out as they are. Absent: the deserialised value is sent as JSON. */
  readonly contentType?: string;
}
