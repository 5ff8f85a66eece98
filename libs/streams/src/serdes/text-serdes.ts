import { bufferOf } from '../bytes/buffer-of.js';
import { reasonOf } from '../errors/reason-of.js';
import { SerdeError } from '../errors/serde-error.js';
import type { Serde } from './serde.js';

/** UTF-8 text, as Kafka's StringSerializer writes it. */
export const stringSerde: Serde<string> = Object.freeze({
  name: 'string',
  serialize(value: string): Uint8Array {
    if (typeof value !== 'string')
      throw new SerdeError('string', `The serde "string" takes strings, not ${typeof value}.`);
    // Half of a surrogate pair has no UTF-8: different strings would become the same bytes.
    if (!isWellFormed(value)) throw new SerdeError('string', 'The serde "string" takes text without lone surrogates.');
    return Buffer.from(value, 'utf8');
  },
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
  const text = JSON.stringify(value);
  if (text === undefined) throw new SerdeError('json', `A value of type ${typeof value} has no JSON.`);
  return text;
}

/**
 * JSON in UTF-8. `T` is what the bytes are taken for; nothing checks them against it.
 * `undefined`, functions and symbols have no JSON and are refused.
 */
export function json<T>(): Serde<T> {
  return jsonSerde as Serde<T>;
}

const jsonSerde: Serde<unknown> = Object.freeze({
  name: 'json',
  serialize(value: unknown): Uint8Array {
    return Buffer.from(jsonText(value), 'utf8');
  },
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
  contentType: 'application/json',
});
