import { followChanges, type ChangesOptions, type StoreChange } from './changes.js';
import { StreamsProblem } from './problem.js';
import {
  checkGapsAreReported,
  queryOf,
  readHeaders,
  type EntriesOptions,
  type CountOptions,
  type ReadOptions,
  type ScanOptions,
  type UnreachablePartition,
} from './requests.js';
import type { Session } from './session.js';
import { textLines } from './text-lines.js';
import { bodyOf, type Transport } from './transport.js';

const MAX_LOOKUP_KEYS = 1000;
const ANSWER_TOO_LARGE = 'answer-too-large';

/** One value, and what the server says of it. */
export interface Entry<V> {
  readonly value: V;
  readonly etag: string | undefined;
  /** To be given as `position` of a later read. */
  readonly position: string | undefined;
  readonly role: 'active' | 'standby' | undefined;
  readonly lag: number | undefined;
  readonly stalenessMs: number | undefined;
  /** The instance that answered. */
  readonly instance: string | undefined;
}

export interface Page<K, V> {
  readonly items: readonly { readonly key: K; readonly value: V }[];
  /** Absent on the last page. */
  readonly next?: string;
  /** Partitions that could not be read, where that is allowed. */
  readonly unreachable?: readonly UnreachablePartition[];
}

interface StreamedLine<K, V> extends Pick<Page<K, V>, 'unreachable'> {
  readonly key: K;
  readonly value: V;
  readonly end?: true;
  readonly problem?: Record<string, unknown>;
}

interface CountBody extends Pick<Page<never, never>, 'unreachable'> {
  readonly count: number;
}

interface LookupBody<V> {
  readonly items: readonly { readonly value: V }[];
  readonly missing: readonly string[];
}

/** Reads one store. Every method throws `StreamsProblem` for what has no answer. */
export class StoreClient<K, V> {
  constructor(
    readonly name: string,
    private readonly path: string,
    private readonly transport: Transport,
    private readonly session: Session,
    private readonly formatKey: (key: K) => string,
  ) {}

  /** Undefined if the store has no such entry. */
  async get(key: K, options: ReadOptions = {}): Promise<V | undefined> {
    return (await this.getEntry(key, options))?.value;
  }

  /** @param known what was read before: if it still holds, it is not sent again. */
  async getEntry(key: K, options: ReadOptions = {}, known?: Entry<V>): Promise<Entry<V> | undefined> {
    if (isDotSegment(this.formatKey(key))) return this.lookUpEntry(key, options);
    try {
      const response = await this.send(this.entryPath(key, options), options, {
        ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
      });
      const value = response.status === 304 && known ? known.value : await valueOf<V>(response);
      return { value, ...metadataOf(response) };
    } catch (error) {
      if (error instanceof StreamsProblem && error.problem === 'key-not-found') return undefined;
      throw error;
    }
  }

  /** The values of many keys; those that the store does not have are absent. */
  async lookup(keys: readonly K[], options: ReadOptions = {}): Promise<Map<K, V>> {
    const byText = new Map(keys.map((key) => [this.formatKey(key), key]));
    const texts = [...byText.keys()];
    const found = new Map<K, V>();
    for (let from = 0; from < texts.length; from += MAX_LOOKUP_KEYS) {
      const chunk = texts.slice(from, from + MAX_LOOKUP_KEYS);
      await this.lookUpTexts(chunk, options, (text, value) => void found.set(byText.get(text) as K, value));
    }
    return found;
  }

  /** @throws TypeError for `allowsPartial` without `onUnreachable` */
  async count(options: CountOptions<K> = {}): Promise<number> {
    checkGapsAreReported(options);
    const response = await this.send(`${this.path}/count${queryOf(options, this.formatKey)}`, options);
    const { count, unreachable } = (await response.json()) as CountBody;
    if (unreachable !== undefined) options.onUnreachable?.(unreachable);
    return count;
  }

  async page(options: ScanOptions<K> & { readonly cursor?: string } = {}): Promise<Page<K, V>> {
    const response = await this.send(`${this.path}/entries${queryOf(options, this.formatKey)}`, options);
    return (await response.json()) as Page<K, V>;
  }

  /** All entries, page by page, in the order of their keys. */
  async *entries(options: EntriesOptions<K> = {}): AsyncGenerator<{ readonly key: K; readonly value: V }> {
    checkGapsAreReported(options);
    for (let cursor: string | undefined; ;) {
      const { items, next, unreachable } = await this.page({ ...options, ...(cursor !== undefined && { cursor }) });
      if (unreachable !== undefined) options.onUnreachable?.(unreachable);
      yield* items;
      if (next === undefined) return;
      cursor = next;
    }
  }

  /** All entries in one answer, as fast as they are taken. @throws StreamsProblem also in the midst of it; Error if the answer broke off */
  async *stream(options: EntriesOptions<K> = {}): AsyncGenerator<{ readonly key: K; readonly value: V }> {
    checkGapsAreReported(options);
    const headers = { accept: 'application/x-ndjson' };
    const response = await this.send(`${this.path}/entries${queryOf(options, this.formatKey)}`, options, headers);
    for await (const line of textLines(bodyOf(response))) {
      const item = JSON.parse(line) as StreamedLine<K, V>;
      if (item.end === true) {
        if (item.unreachable !== undefined) options.onUnreachable?.(item.unreachable);
        return;
      }
      if (item.problem) throw StreamsProblem.from(Number(item.problem['status']), item.problem);
      yield item;
    }
    throw new Error(`The entries of "${this.name}" broke off before their end.`);
  }

  /**
   * The entries and every change of them, for as long as they are taken. Goes on at another instance when the one that tells goes away; where the
   * server no longer knows how to go on, it begins again with `snapshot-begin`, or throws if `hasSnapshot` is false.
   *
   * With `readYourWrites` later reads show at least the snapshot; changes that are told behind its end do not count.
   * @throws StreamsProblem when thirty connections in a row have come no further
   * @throws TypeError for the keys `.` and `..`, which cannot be written in a URL
   */
  changes(options: ChangesOptions<K> = {}): AsyncGenerator<StoreChange<K, V>> {
    const { key, prefix, fields, hasSnapshot } = options;
    const query = new URLSearchParams();
    if (prefix !== undefined) query.set('prefix', prefix);
    if (fields !== undefined) query.set('fields', fields.join(','));
    if (hasSnapshot === false) query.set('snapshot', 'false');
    const base = key === undefined ? this.path : this.feedPath(this.formatKey(key));
    const text = query.toString();
    return followChanges(this.transport, this.session, `${base}/changes${text === '' ? '' : `?${text}`}`, options);
  }

  /** As `getEntry`, without `etag`. @throws TypeError where values have a form of their own that a lookup does not show */
  private async lookUpEntry(key: K, options: ReadOptions): Promise<Entry<V> | undefined> {
    const text = this.formatKey(key);
    const response = await this.sendLookup([text], options);
    const [item] = ((await response.json()) as LookupBody<V>).items;
    if (item === undefined) return undefined;
    if (options.fields === undefined) await this.checkLookedUp(text, item.value, options);
    return { value: item.value, ...metadataOf(response) };
  }

  /** Asks for halves where the values are too large for one answer. */
  private async lookUpTexts(
    texts: readonly string[],
    options: ReadOptions,
    take: (text: string, value: V) => void,
  ): Promise<void> {
    let response: Response;
    try {
      response = await this.sendLookup(texts, options);
    } catch (error) {
      if (texts.length === 1 || !(error instanceof StreamsProblem && error.problem === ANSWER_TOO_LARGE)) throw error;
      const half = Math.ceil(texts.length / 2);
      await this.lookUpTexts(texts.slice(0, half), options, take);
      await this.lookUpTexts(texts.slice(half), options, take);
      return;
    }
    const { items, missing } = (await response.json()) as LookupBody<V>;
    const absent = new Set(missing);
    // Items come in the order of the keys, without those that are missing.
    const present = texts.filter((text) => !absent.has(text));
    items.forEach(({ value }, index) => take(present[index], value));
  }

  /** A lookup answers JSON, and does not say whether text in it stands for bytes. */
  private async checkLookedUp(text: string, value: unknown, { signal }: ReadOptions): Promise<void> {
    const response = await this.transport.send({ path: this.path, signal });
    const { contentType } = (await response.json()) as { contentType: string };
    if (isJson(contentType) || (isText(contentType) && typeof value === 'string')) return;
    throw new TypeError(
      `The key "${text}" cannot be written in a URL, and a lookup has no values of the type "${contentType}". ` +
        'Read it with lookup(), which answers bytes as text in base64 and other values as JSON.',
    );
  }

  private async sendLookup(keys: readonly string[], options: ReadOptions): Promise<Response> {
    const response = await this.transport.send({
      method: 'POST',
      path: `${this.path}/lookup${queryOf(options, this.formatKey)}`,
      headers: { ...this.headers(options), 'content-type': 'application/json' },
      body: JSON.stringify({ keys }),
      signal: options.signal,
    });
    this.session.observe(response.headers.get('streams-position'));
    return response;
  }

  private feedPath(text: string): string {
    if (!isDotSegment(text)) return `${this.path}/entries/${encodeURIComponent(text)}`;
    throw new TypeError(
      `The key "${text}" cannot be written in a URL, so it has no feed of its own. ` +
        `Follow changes({ prefix: '${text}' }), and leave out the other keys.`,
    );
  }

  private entryPath(key: K, options: ReadOptions): string {
    return `${this.path}/entries/${encodeURIComponent(this.formatKey(key))}${queryOf(options, this.formatKey)}`;
  }

  private async send(path: string, options: ReadOptions, headers: Record<string, string> = {}): Promise<Response> {
    const { signal } = options;
    const response = await this.transport.send({ path, headers: { ...this.headers(options), ...headers }, signal });
    this.session.observe(response.headers.get('streams-position'));
    return response;
  }

  private headers(options: ReadOptions): Record<string, string> {
    return readHeaders(options, this.session.positionFor(this.name, options.position));
  }
}

/** JSON as what it says, everything else as text. */
async function valueOf<V>(response: Response): Promise<V> {
  const type = response.headers.get('content-type') ?? '';
  if (isJson(type)) return (await response.json()) as V;
  return (isText(type) ? await response.text() : new Uint8Array(await response.arrayBuffer())) as V;
}

function isJson(contentType: string): boolean {
  return contentType.startsWith('application/json');
}

function isText(contentType: string): boolean {
  return contentType.startsWith('text/');
}

/** URLs are resolved like paths of files, even where the dots are percent-encoded. */
function isDotSegment(text: string): boolean {
  return text === '.' || text === '..';
}

function metadataOf({ headers }: Response): Omit<Entry<never>, 'value'> {
  const text = (name: string): string | undefined => headers.get(name) ?? undefined;
  const number = (name: string): number | undefined => {
    const value = headers.get(name);
    return value === null ? undefined : Number(value);
  };
  return {
    etag: text('etag'),
    position: text('streams-position'),
    role: text('streams-role') as Entry<never>['role'],
    lag: number('streams-lag'),
    stalenessMs: number('streams-staleness'),
    instance: text('streams-instance'),
  };
}
