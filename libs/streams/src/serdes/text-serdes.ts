import { bufferOf } from '../bytes/buffer-of.js';
import { reasonOf } from '../errors/reason-of.js';
import { SerdeError } from '../errors/serde-error.js';
import { jsonLoss } from './json-loss.js';
import { inclusiveRange, type KeyBytesRange } from './key-range.js';
import type { Serde } from './serde.js';

/** UTF-8 text, as Kafka's StringSerializer writes it. */
export const stringSerde: Serde<string> = Object.freeze({
  name: 'string',
  serialize(value: string): Uint8Array {
    checkText(value);
    return Buffer.from(value, 'utf8');
  },
  check: checkText,
  deserialize(bytes: Uint8Array): string {
    return bufferOf(bytes).toString('utf8');
  },
  fromText(text: string): string {
    return text;
  },
  parseKey(text: string): string {
    return text;
  },
  formatKey(key: string): string {
    return key;
  },
  contentType: 'text/plain; charset=utf-8',
});

function checkText(value: string): void {
  if (typeof value !== 'string')
    throw new SerdeError('string', `The serde "string" takes strings, not ${typeof value}.`);
  // Half of a surrogate pair has no UTF-8: different strings would become the same bytes.
  if (!isWellFormed(value)) throw new SerdeError('string', 'The serde "string" takes text without lone surrogates.');
}

/** `String.prototype.isWellFormed` is a native scan; the library that TypeScript knows for Node 20 lacks it. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Without the cause, whose message quotes the bytes.
    throw new SerdeError('json', `The bytes are not JSON: ${reasonOf(cause)}.`);
  }
}

function jsonText(value: unknown): string {
  checkJson(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new SerdeError('json', 'The value has no JSON: it contains a bigint or itself, or a toJSON of it threw.', {
      cause,
    });
  }
  if (text === undefined) throw new SerdeError('json', 'The value has no JSON: its toJSON returned nothing.');
  return text;
}

/** Looks at the value alone, not at what is in it. */
function checkJson(value: unknown): void {
  const kind = kindWithoutJson(value);
  if (kind !== undefined) throw new SerdeError('json', `${kind} has no JSON.`);
}

function kindWithoutJson(value: unknown): string | undefined {
  if (typeof value === 'object') {
    if (value instanceof Promise) return 'A promise (a missing "await"?)';
    return value instanceof Map || value instanceof Set ? 'A Map or Set' : undefined;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  return typeof value === 'string' || typeof value === 'boolean' ? undefined : `A value of type ${typeof value}`;
}

/** Throws for the first place of a value that comes back as something else. */
function checkJsonRoundTrip(value: unknown): void {
  const loss = jsonLoss(value);
  if (loss === undefined) return;
  throw new SerdeError(
    'json',
    `${loss.path}: ${loss.reason}. Convert it to what JSON can hold, or use a serde of your own.`,
  );
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(jsonText(value), 'utf8');
}

/**
 * JSON in UTF-8. `T` is what the bytes are taken for; nothing checks them against it. Refuses `undefined`, functions, symbols, bigints, promises, Maps,
 * Sets, NaN and infinities. Inside of a value, stores refuse them outside production, with all else that would come back as something else.
 */
export function json<T>(): Serde<T> {
  return jsonSerde as Serde<T>;
}

const jsonSerde: Serde<unknown> = Object.freeze({
  name: 'json',
  serialize: jsonBytes,
  check: checkJson,
  checkRoundTrip: checkJsonRoundTrip,
  deserialize(bytes: Uint8Array): unknown {
    return parse(bufferOf(bytes).toString('utf8'));
  },
  fromText: parse,
  parseKey(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new SerdeError('json', 'The key is not JSON; a text key stands in double quotes.');
    }
  },
  formatKey(key: unknown): string {
    return jsonText(key);
  },
  keyRange(from: unknown, to: unknown): KeyBytesRange {
    if ((typeof from === 'number' || typeof to === 'number') && from !== to)
      throw new SerdeError(
        'json',
        'Keys of the serde "json" are in the order of their text, where 10 comes before 9, so there are no ranges of numbers. ' +
          'Give the store "int32", "int64" or "float64" keys, or read all entries.',
      );
    return inclusiveRange(
      from === undefined ? undefined : jsonBytes(from),
      to === undefined ? undefined : jsonBytes(to),
    );
  },
  contentType: 'application/json',
});
