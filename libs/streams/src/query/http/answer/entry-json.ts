import { bufferOf } from '../../../bytes/buffer-of.js';
import type { Serde } from '../../../serdes/serde.js';
import type { StoreDefinition } from '../../../topology/store-definition.js';
import type { ScanEntry } from '../../scan/merge-streams.js';
import { typedJson } from '../../typed-json.js';

/** Line breaks of JSON Lines, and of server-sent events, which know both. */
const NEW_LINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What a value becomes on its way out: a DTO, without what the caller may not see. */
export type ValueMapping = (value: unknown, key: unknown) => unknown;

/** Writes entries as JSON on one line. Stored JSON goes out as it is, unless it has to be changed. */
export class EntryJson {
  /** The stored bytes are what is seen. */
  private readonly isStoredJson: boolean;

  constructor(
    private readonly definition: StoreDefinition,
    private readonly fields: readonly string[] | undefined,
    private readonly map: ValueMapping | undefined,
  ) {
    this.isStoredJson = definition.value.contentType === 'application/json' && !map;
  }

  /** `{"key":...,"value":...}` */
  entry({ key, value }: Pick<ScanEntry, 'key' | 'value'>): string {
    const typedKey = this.definition.key.deserialize(key);
    return `{"key":${keyJson(this.definition.key, typedKey)},"value":${this.value(value, typedKey)}}`;
  }

  value(bytes: Uint8Array, key: unknown): string {
    if (this.fields !== undefined) return JSON.stringify(project(this.seen(bytes, key), this.fields));
    // A line break of somebody else's JSON would end a line here.
    if (this.isStoredJson && !bytes.includes(NEW_LINE) && !bytes.includes(CARRIAGE_RETURN))
      return bufferOf(bytes).toString('utf8');
    return typedJson(this.mapped(bytes, key));
  }

  /** What the caller sees of a value before `fields`, as a JSON parser reads it: `toJSON` of what `map` returns has its say. */
  seen(bytes: Uint8Array, key: unknown): unknown {
    const text = this.isStoredJson ? bufferOf(bytes).toString('utf8') : typedJson(this.mapped(bytes, key));
    return JSON.parse(text) as unknown;
  }

  /** Whether a value has to be changed before it goes out. */
  get changes(): boolean {
    return this.fields !== undefined || this.map !== undefined;
  }

  private mapped(bytes: Uint8Array, key: unknown): unknown {
    const value = this.definition.value.deserialize(bytes);
    return this.map ? settled(this.map(value, key), this.definition.name) : value;
  }
}

/** @throws TypeError for a promise, which would be written as an empty object */
function settled(mapped: unknown, store: string): unknown {
  if (typeof (mapped as PromiseLike<unknown> | null | undefined)?.then !== 'function') return mapped;
  Promise.resolve(mapped as PromiseLike<unknown>).catch(() => undefined);
  throw new TypeError(
    `"query.map" of the store "${store}" returned a promise. Return the mapped value itself; put what it needs into the stored value.`,
  );
}

function keyJson({ name }: Serde<unknown>, key: unknown): string {
  return name === 'string' ? JSON.stringify(key) : typedJson(key);
}

/** The named members of an object, those of nested ones by their path; what is no object stays as it is. */
function project(value: unknown, fields: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const projected: Record<string, unknown> = {};
  for (const field of fields) take(value as Record<string, unknown>, field.split('.'), projected);
  return projected;
}

function take(from: Record<string, unknown>, [name, ...rest]: string[], to: Record<string, unknown>): void {
  if (!Object.hasOwn(from, name)) return;
  const value = from[name];
  if (rest.length === 0 || typeof value !== 'object' || value === null) {
    if (rest.length === 0) define(to, name, value);
    return;
  }
  if (!Object.hasOwn(to, name)) define(to, name, {});
  take(value as Record<string, unknown>, rest, to[name] as Record<string, unknown>);
}

/** `__proto__` is a member like others. */
function define(to: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(to, name, { value, enumerable: true, configurable: true, writable: true });
}
