import { SerdeError } from '../errors/serde-error.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import { QueryError } from './problem/query-error.js';

export const MAX_KEY_BYTES = 65_536;

/** The serialised form of a key that stands in a URL. @throws QueryError `invalid-key` or `key-too-long`. */
export function readKey(definition: StoreDefinition, text: string): Uint8Array {
  return parseKey(definition, text).bytes;
}

/** A key that stands in a URL, and its serialised form. @throws QueryError as `readKey` does */
export function parseKey(
  { name, key: serde }: StoreDefinition,
  text: string,
): { readonly key: unknown; readonly bytes: Uint8Array } {
  if (!serde.parseKey) {
    throw new QueryError(
      'invalid-key',
      `The keys of the store "${name}" cannot be written in a URL: their serde "${serde.name}" has no parseKey.`,
      { members: { store: name } },
    );
  }
  try {
    const key = serde.parseKey(text);
    return { key, bytes: checkLength(name, serde.serialize(key)) };
  } catch (cause) {
    if (cause instanceof QueryError) throw cause;
    const reason = cause instanceof SerdeError ? cause.message : `The serde "${serde.name}" refused it.`;
    throw new QueryError('invalid-key', `This is not a key of the store "${name}". ${reason}`, {
      cause,
      members: { store: name },
    });
  }
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
