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
import { signedKeyRange } from './key-range.js';
import type { Serde } from './serde.js';

interface Format<T> {
  readonly name: string;
  readonly length: number;
  /** What `typeof` says of its values. */
  readonly type: 'number' | 'bigint' | 'boolean';
  /** Values, as messages name them. */
  readonly values: string;
  takes(value: T): boolean;
  write(bytes: Buffer, value: T): void;
  /** Returns undefined for bytes that no value has. */
  read(bytes: Buffer): T | undefined;
  /** How the bytes of negative numbers sort; absent: there are none. */
  readonly negatives?: 'ascending' | 'descending';
  parse(text: string): T | undefined;
  format(key: T): string;
}

function fixed<T>(format: Format<T>): Serde<T> {
  const { name, length, type, values, negatives } = format;
  const check = (value: T): void => {
    if (typeof value !== type || !format.takes(value))
      throw new SerdeError(name, `The serde "${name}" takes ${values}, not ${described(value, type)}.`);
  };
  const serialize = (value: T): Uint8Array => {
    check(value);
    const bytes = Buffer.allocUnsafe(length);
    format.write(bytes, value);
    return bytes;
  };
  const optional = (key: T | undefined): Uint8Array | undefined => (key === undefined ? undefined : serialize(key));
  return Object.freeze({
    name,
    check,
    serialize,
    deserialize(bytes: Uint8Array): T {
      if (bytes.length !== length)
        throw new SerdeError(name, `The serde "${name}" reads ${length} bytes, not ${bytes.length}.`);
      const value = format.read(bufferOf(bytes));
      if (value === undefined) throw new SerdeError(name, `The bytes are none that the serde "${name}" writes.`);
      return value;
    },
    parseKey: (text: string) => parsedKey(name, format.parse(text)),
    formatKey: format.format,
    ...(negatives && {
      keyRange: (from?: T, to?: T) => signedKeyRange(name, optional(from), optional(to), negatives),
    }),
  });
}

function parsedKey<T>(name: string, key: T | undefined): T {
  if (key === undefined) throw new SerdeError(name, `The key is not a value of the serde "${name}" in its text form.`);
  return key;
}

/** The kind of a value, never the value: messages end in logs. */
function described(value: unknown, type: string): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return value.constructor?.name ?? 'an object';
  if (typeof value !== type) return `a ${typeof value}`;
  return typeof value === 'number' && !Number.isInteger(value)
    ? 'a number that is not an integer'
    : `a ${type} out of their range`;
}

/** Four bytes, big-endian, signed: Kafka's IntegerSerializer. */
export const int32Serde = fixed<number>({
  name: 'int32',
  length: 4,
  type: 'number',
  values: 'integers of 32 bits',
  takes: (value) => value === (value | 0),
  write: (bytes, value) => bytes.writeInt32BE(value),
  read: (bytes) => bytes.readInt32BE(),
  negatives: 'ascending',
  parse: parseInteger,
  format: formatInteger,
});

/** Eight bytes, big-endian, signed, as `bigint`: Kafka's LongSerializer. */
export const int64Serde = fixed<bigint>({
  name: 'int64',
  length: 8,
  type: 'bigint',
  values: 'bigints of 64 bits',
  takes: (value) => value === BigInt.asIntN(64, value),
  write: (bytes, value) => bytes.writeBigInt64BE(value),
  read: (bytes) => bytes.readBigInt64BE(),
  negatives: 'ascending',
  parse: parseBigInteger,
  format: formatInteger,
});

/** Eight bytes, IEEE 754, big-endian: Kafka's DoubleSerializer. */
export const float64Serde = fixed<number>({
  name: 'float64',
  length: 8,
  type: 'number',
  values: 'numbers',
  takes: () => true,
  write: (bytes, value) => bytes.writeDoubleBE(value),
  read: (bytes) => bytes.readDoubleBE(),
  negatives: 'descending',
  parse: parseFloat64,
  format: formatFloat,
});

/** One byte, 0 or 1: Kafka's BooleanSerializer. */
export const booleanSerde = fixed<boolean>({
  name: 'boolean',
  length: 1,
  type: 'boolean',
  values: 'booleans',
  takes: () => true,
  write: (bytes, value) => {
    bytes[0] = value ? 1 : 0;
  },
  read: (bytes) => (bytes[0] === 1 ? true : bytes[0] === 0 ? false : undefined),
  parse: parseBoolean,
  format: formatBoolean,
});

/** The bytes themselves; copied when read, so that they may be kept. */
export const bytesSerde: Serde<Uint8Array> = Object.freeze({
  name: 'bytes',
  check: checkBytes,
  serialize(value: Uint8Array): Uint8Array {
    checkBytes(value);
    return value;
  },
  deserialize(bytes: Uint8Array): Uint8Array {
    return Buffer.from(bytes);
  },
  parseKey: (text: string) => parsedKey('bytes', parseBytes(text)),
  formatKey: formatBytes,
  contentType: 'application/octet-stream',
});

function checkBytes(value: unknown): void {
  if (!(value instanceof Uint8Array))
    throw new SerdeError('bytes', `The serde "bytes" takes a Uint8Array, not ${typeof value}.`);
}
