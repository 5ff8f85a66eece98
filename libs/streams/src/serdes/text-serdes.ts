import { bufferOf } from '../bytes/buffer-of.js';
import { SerdeError } from '../errors/serde-error.js';
import type { Serde } from './serde.js';

/** UTF-8 text, as Kafka's StringSerializer writes it. */
export const stringSerde: Serde<string> = Object.freeze({
  name: 'string',
  serialize(value: string): Uint8Array {
    if (typeof value !== 'string')
      throw new SerdeError('string', `The serde "string" takes strings, not ${typeof value}.`);
    return Buffer.from(value, 'utf8');
  },
  deserialize(bytes: Uint8Array): string {
    return bufferOf(bytes).toString('utf8');
  },
  fromText(text: string): string {
    return text;
  },
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SerdeError('json', `The bytes are not JSON: ${(cause as Error).message}.`, { cause });
  }
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
    const text = JSON.stringify(value);
    if (text === undefined) throw new SerdeError('json', `A value of type ${typeof value} has no JSON.`);
    return Buffer.from(text, 'utf8');
  },
  deserialize(bytes: Uint8Array): unknown {
    return parse(bufferOf(bytes).toString('utf8'));
  },
  fromText: parse,
});
