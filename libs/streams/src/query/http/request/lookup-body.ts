import { QueryError } from '../../problem/query-error.js';
import { MAX_LOOKUP_KEYS } from '../../streams-query.service.js';

/** The keys, in the form they have in paths, of `{"keys": ["a", "b"]}`, each once. @throws QueryError `invalid-body`, `body-too-large` */
export function lookupKeys(body: unknown): readonly string[] {
  const keys = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(keys) || Object.keys(body as object).length > 1 || keys.some((key) => typeof key !== 'string'))
    throw new QueryError(
      'invalid-body',
      'The body is an object with "keys" alone: a list of keys as text, as they stand in paths.',
    );
  if (keys.length > MAX_LOOKUP_KEYS)
    throw new QueryError('body-too-large', `At most ${MAX_LOOKUP_KEYS} keys are looked up at a time.`, {
      members: { maxKeys: MAX_LOOKUP_KEYS },
    });
  return [...new Set(keys as readonly string[])];
}
