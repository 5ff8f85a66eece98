import { SerdeError } from '../errors/serde-error.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import { QueryError } from './problem/query-error.js';

export const MAX_KEY_BYTES = 65_536;

/** The serialised form of a key that stands in a URL. @throws QueryError `invalid-key` or `key-too-long`. */
export function readKey({ name, key: serde }: StoreDefinition, text: string): Uint8Array {
  if (!serde.parseKey) {
    throw new QueryError(
      'invalid-key',
      `The keys of the store "${name}" cannot be written in a URL: their serde "${serde.name}" has no parseKey.`,
      { members: { store: name } },
    );
  }
  let key: Uint8Array;
  try {
    key = serde.serialize(serde.parseKey(text));
  } catch (cause) {
    const reason = cause instanceof SerdeError ? cause.message : `The serde "${serde.name}" refused it.`;
    throw new QueryError('invalid-key', `This is not a key of the store "${name}". ${reason}`, {
      cause,
      members: { store: name },
    });
  }
  return checkLength(name, key);
}

/** The bytes that serialised keys begin with: those of the text for text formats, those of a whole key for the others. */
export function readPrefix(definition: StoreDefinition, text: string): Uint8Array {
  return definition.key.fromText ? checkLength(definition.name, Buffer.from(text, 'utf8')) : readKey(definition, text);
}

function checkLength(store: string, key: Uint8Array): Uint8Array {
  if (key.length <= MAX_KEY_BYTES) return key;
  throw new QueryError(
    'key-too-long',
    `The serialised key has ${key.length} bytes; at most ${MAX_KEY_BYTES} are read.`,
    {
      members: { store, maxBytes: MAX_KEY_BYTES },
    },
  );
}
