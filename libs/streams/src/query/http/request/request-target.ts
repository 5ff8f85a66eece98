import { QueryError } from '../../problem/query-error.js';

const CHANGES_SUFFIX = '/changes';

/**
 * The key in `.../<store>/entries/<key>`, decoded once. Read from what the client sent, not from the router: routers differ in how they
 * decode, in how long a parameter may be, and in what they make of an empty one.
 */
export function keyInPath(originalUrl: string, store: string): string {
  return keyAtEnd(pathOf(originalUrl), store);
}

/** The key in `.../<store>/entries/<key>/changes`. */
export function keyInChangesPath(originalUrl: string, store: string): string {
  const path = pathOf(originalUrl);
  return keyAtEnd(path.endsWith(CHANGES_SUFFIX) ? path.slice(0, -CHANGES_SUFFIX.length) : path, store);
}

function keyAtEnd(path: string, store: string): string {
  const plain = plainKey(path, store);
  if (plain !== undefined) return plain;
  const text = segmentAtEnd(path, store);
  if (text === undefined) throw invalidKey('It is one segment behind "/entries/": a slash in it is written as %2F.');
  const key = decode(text);
  if (key === undefined) throw invalidKey('Its percent-encoding is broken.');
  return key;
}

/** Hot path (bench `query`, local/controller): a key that is written as it is. */
function plainKey(path: string, store: string): string | undefined {
  const at = path.lastIndexOf('/');
  const key = path.slice(at + 1);
  return key !== '' && path.endsWith(`/${store}/entries`, at) && !key.includes('%') ? key : undefined;
}

/** A key has no slash that is not encoded, so it is what stands behind the last one: stores and keys may be called `entries`, or `changes`. */
function segmentAtEnd(path: string, store: string): string | undefined {
  const match = /\/([^/]+)\/entries\/([^/]*)$/.exec(path);
  return match !== null && decode(match[1]) === store ? match[2] : undefined;
}

function pathOf(originalUrl: string): string {
  const end = originalUrl.search(/[?#]/);
  return end < 0 ? originalUrl : originalUrl.slice(0, end);
}

/** Whether a path asks for the changes of a key of the store, not for a key called `changes`. */
export function isChangesPath(originalUrl: string, store: string): boolean {
  const path = pathOf(originalUrl);
  return path.endsWith(CHANGES_SUFFIX) && segmentAtEnd(path.slice(0, -CHANGES_SUFFIX.length), store) !== undefined;
}

/** The list route, asked with the slash that begins a key: the empty key. */
export function isEmptyKeyPath(originalUrl: string): boolean {
  return pathOf(originalUrl).endsWith('/entries/');
}

/**
 * The query string by name, read alike on every platform; those of `repeatable` as lists. @throws QueryError for names that are not among `known`,
 * for others that are repeated, and for broken percent-encoding.
 */
export function queryParameters<N extends string, R extends string = never>(
  originalUrl: string,
  known: readonly N[],
  repeatable: readonly R[] = [],
): { [K in Exclude<N, R>]?: string } & { [K in R]?: string[] } {
  const found: Record<string, string | string[]> = {};
  const at = originalUrl.indexOf('?');
  if (at < 0) return found as { [K in Exclude<N, R>]?: string } & { [K in R]?: string[] };
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
    const before = Object.hasOwn(found, parameter) ? found[parameter] : [];
    if (repeatable.some((each) => (each as string) === parameter)) found[parameter] = [before, value].flat();
    else if (typeof before === 'string') throw invalidParameter(parameter, 'stands more than once');
    else found[parameter] = value;
  }
  return found as { [K in Exclude<N, R>]?: string } & { [K in R]?: string[] };
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
