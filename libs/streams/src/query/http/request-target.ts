import { QueryError } from '../problem/query-error.js';

/**
 * The key in `.../<store>/entries/<key>`, decoded once. Read from what the client sent, not from the router: routers differ in how they
 * decode, in how long a parameter may be, and in what they make of an empty one.
 */
export function keyInPath(originalUrl: string, store: string): string {
  const path = originalUrl.split(/[?#]/, 1)[0];
  for (const match of path.matchAll(/(?<=\/)(?=([^/]+)\/entries\/(.*))/gs)) {
    if (decode(match[1]) !== store) continue;
    const key = decode(match[2]);
    if (match[2].includes('/')) throw invalidKey('A slash in a key is written as %2F.');
    if (key === undefined) throw invalidKey('Its percent-encoding is broken.');
    return key;
  }
  throw invalidKey('It stands behind "/entries/", percent-encoded.');
}

/** The list route, asked with the slash that begins a key: the empty key. */
export function isEmptyKeyPath(originalUrl: string): boolean {
  return originalUrl.split(/[?#]/, 1)[0].endsWith('/entries/');
}

/**
 * The query string by name, read alike on every platform. @throws QueryError for names that are not among `known`, for repeated ones and
 * for broken percent-encoding.
 */
export function queryParameters<N extends string>(originalUrl: string, known: readonly N[]): { [K in N]?: string } {
  const found: { [K in N]?: string } = {};
  const at = originalUrl.indexOf('?');
  if (at < 0) return found;
  for (const pair of originalUrl
    .slice(at + 1)
    .split('#', 1)[0]
    .split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
    const parameter = known.find((candidate) => candidate === name);
    if (parameter === undefined) {
      const names = known.length > 0 ? `Known are ${known.join(', ')}.` : 'None is known here.';
      throw new QueryError('unknown-parameter', `A query parameter is not known here. ${names}`, {
        members: { parameter: name, knownParameters: known },
      });
    }
    const value = equals < 0 ? '' : decodeForm(pair.slice(equals + 1));
    if (value === undefined) throw invalidParameter(parameter, 'has broken percent-encoding');
    if (Object.hasOwn(found, parameter)) throw invalidParameter(parameter, 'stands more than once');
    found[parameter] = value;
  }
  return found;
}

export function invalidParameter(parameter: string, fault: string): QueryError {
  return new QueryError('invalid-parameter', `The query parameter "${parameter}" ${fault}.`, {
    members: { parameter },
  });
}

function invalidKey(reason: string): QueryError {
  return new QueryError('invalid-key', `The path does not end in a key. ${reason}`);
}

function decodeForm(text: string): string | undefined {
  return decode(text.replaceAll('+', ' '));
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
