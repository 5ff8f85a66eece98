import { bufferOf } from '../bytes/buffer-of.js';
import { SerdeError } from '../errors/serde-error.js';
import {
  formatBoolean,
  formatBytes,
  formatFloat,
  formatInteger,
  parseBigInteger,
  parseBoolean,
  parseBytes,
  parseFloat64,
  parseInteger,
} from './key-text.js';
import type { Serde } from './serde.js';

interface KeyText<T> {
  parse(text: string): T | undefined;
  format(key: T): string;
}

function fixed<T>(
  name: string,
  length: number,
  write: (bytes: Buffer, value: T) => void,
  read: (bytes: Buffer) => T,
  keyText: KeyText<T>,
): Serde<T> {
  return Object.freeze({
    name,
    parseKey: (text: string) => parsedKey(name, keyText.parse(text)),
    formatKey: keyText.format,
    serialize(value: T): Uint8Array {
      const bytes = Buffer.allocUnsafe(length);
      try {
        write(bytes, value);
      } catch (cause) {
        throw new SerdeError(name, `The serde "${name}" does not take ${described(value)}${reasonOf(cause)}.`, {
          cause,
        });
      }
      return bytes;
    },
    deserialize(bytes: Uint8Array): T {
      if (bytes.length !== length)
        throw new SerdeError(name, `The serde "${name}" reads ${length} bytes, not ${bytes.length}.`);
      return read(bufferOf(bytes));
    },
  });
}

function parsedKey<T>(name: string, key: T | undefined): T {
  if (key === undefined) throw new SerdeError(name, `The key is not a value of the serde "${name}" in its text form.`);
  return key;
}

function requireType(value: unknown, type: 'number' | 'bigint' | 'boolean'): void {
  if (typeof value !== type) throw new TypeError(`it takes a ${type}`);
}

/** Only errors that were thrown here explain themselves; those of Node quote the value. */
function reasonOf(cause: unknown): string {
  return cause instanceof TypeError && cause.message.startsWith('it takes') ? `: ${cause.message}` : '';
}

/** The kind of a value, never the value: messages end in logs. */
function described(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number')
    return Number.isInteger(value) ? 'a number out of its range' : 'a number that is not an integer';
  if (typeof value === 'bigint') return 'a bigint out of its range';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : `a value of type ${typeof value}`;
}

/** Four bytes, big-endian, signed: Kafka's IntegerSerializer. */
export const int32Serde = fixed<number>(
  'int32',
  4,
  (bytes, value) => {
    requireType(value, 'number');
    // `writeInt32BE` cuts fractions off, and takes NaN for 0.
    if (!Number.isInteger(value)) throw new TypeError('it takes integers');
    bytes.writeInt32BE(value);
  },
  (bytes) => bytes.readInt32BE(),
  { parse: parseInteger, format: formatInteger },
);

/** Eight bytes, big-endian, signed, as `bigint`: Kafka's LongSerializer. */
export const int64Serde = fixed<bigint>(
  'int64',
  8,
  (bytes, value) => {
    requireType(value, 'bigint');
    bytes.writeBigInt64BE(value);
  },
  (bytes) => bytes.readBigInt64BE(),
  { parse: parseBigInteger, format: formatInteger },
);

/** Eight bytes, IEEE 754, big-endian: Kafka's DoubleSerializer. */
export const float64Serde = fixed<number>(
  'float64',
  8,
  (bytes, value) => {
    requireType(value, 'number');
    bytes.writeDoubleBE(value);
  },
  (bytes) => bytes.readDoubleBE(),
  { parse: parseFloat64, format: formatFloat },
);

/** One byte, 0 or 1: Kafka's BooleanSerializer. */
export const booleanSerde = fixed<boolean>(
  'boolean',
  1,
  (bytes, value) => {
    requireType(value, 'boolean');
    bytes[0] = value ? 1 : 0;
  },
  (bytes) => bytes[0] !== 0,
  { parse: parseBoolean, format: formatBoolean },
);

/** The bytes themselves; copied when read, so that they may be kept. */
export const bytesSerde: Serde<Uint8Array> = Object.freeze({
  name: 'bytes',
  serialize(value: Uint8Array): Uint8Array {
    if (!(value instanceof Uint8Array))
      throw new SerdeError('bytes', `The serde "bytes" takes a Uint8Array, not ${typeof value}.`);
    return value;
  },
  deserialize(bytes: Uint8Array): Uint8Array {
    return Buffer.from(bytes);
  },
  parseKey: (text: string) => parsedKey('bytes', parseBytes(text)),
  formatKey: formatBytes,
  contentType: 'application/octet-stream',
});
