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
  /** Media type of the serialised bytes: queries hand them out as they are. Absent: the deserialised value is sent as JSON. */
  readonly contentType?: string;
}
