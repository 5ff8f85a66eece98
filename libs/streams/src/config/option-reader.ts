import { parseByteSize } from './byte-size.js';
import { closest } from './closest.js';
import { parseDuration } from './duration.js';
import type { OptionDefinition, OptionPath } from './option-table.js';
import { isBadRecordAction, readRetryPolicy } from './retry-policy.js';
import { UNCAUGHT_ACTIONS, type UncaughtAction } from './uncaught-policy.js';

export type OptionTable = Readonly<Record<string, OptionDefinition>>;

export interface OptionReaderSettings<Path extends string> {
  /** Every option by its path. An option that is also a group, as `query` is beside `query.path`, takes either form. */
  readonly table: Readonly<Record<Path, OptionDefinition>>;
  /** Top-level options that another reader checks. */
  readonly extraKeys?: readonly string[];
}

/** Reads options by their path as a table defines them, and collects what is wrong instead of throwing. */
export class OptionReader<Path extends string = OptionPath> {
  readonly problems: string[] = [];
  private readonly values = new Map<string, unknown>();
  private readonly table: OptionTable;
  private readonly groups: ReadonlySet<string>;
  private readonly extraKeys: readonly string[];

  constructor(options: unknown, { table, extraKeys = [] }: OptionReaderSettings<Path>) {
    this.table = table;
    this.extraKeys = extraKeys;
    this.groups = new Set(Object.keys(table).flatMap((path) => (path.includes('.') ? [path.split('.')[0]] : [])));
    if (!isObject(options)) {
      this.problems.push('The options must be an object.');
      return;
    }
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined || extraKeys.includes(key)) continue;
      if (!this.groups.has(key) || (!isObject(value) && Object.hasOwn(table, key))) this.keep(key, value);
      else if (!isObject(value)) this.problems.push(`"${key}" must be an object, not ${shown(value)}.`);
      else {
        for (const [inner, entry] of Object.entries(value)) {
          if (entry !== undefined) this.keep(`${key}.${inner}`, entry);
        }
      }
    }
  }

  has(path: Path): boolean {
    return this.values.has(path);
  }

  string(path: Path): string | undefined {
    return this.values.get(path) as string | undefined;
  }

  boolean(path: Path): boolean | undefined {
    return this.values.get(path) as boolean | undefined;
  }

  /** An integer, milliseconds or bytes. */
  number(path: Path): number | undefined {
    return this.values.get(path) as number | undefined;
  }

  /** A value whose type the table guarantees. */
  value<T>(path: Path): T | undefined {
    return this.values.get(path) as T | undefined;
  }

  private keep(path: string, value: unknown): void {
    const definition = Object.hasOwn(this.table, path) ? this.table[path] : undefined;
    if (!definition) {
      const hint = closest(path, [...Object.keys(this.table), ...this.groups, ...this.extraKeys]);
      this.problems.push(`Unknown option "${path}".${hint ? ` Did you mean "${hint}"?` : ''}`);
      return;
    }
    const { result, wanted } = read(definition.type, value);
    if (wanted) {
      const orGroup = this.groups.has(path) ? ', or an object' : '';
      this.problems.push(`"${path}" must be ${wanted}${orGroup}, not ${shown(value)}.`);
      return;
    }
    if (typeof result === 'number') {
      const { min = -Infinity, max = Infinity } = definition;
      const unit = definition.type === 'duration' ? ' ms' : definition.type === 'size' ? ' bytes' : '';
      if (result < min) this.problems.push(`"${path}" must be at least ${min}${unit}, not ${shown(value)}.`);
      else if (result > max) this.problems.push(`"${path}" must be at most ${max}${unit}, not ${shown(value)}.`);
    }
    this.values.set(path, result);
  }
}

function read(type: OptionDefinition['type'], value: unknown): { result?: unknown; wanted?: string } {
  switch (type) {
    case 'string':
      return typeof value === 'string' && value !== '' ? { result: value } : { wanted: 'a text that is not empty' };
    case 'boolean':
      return typeof value === 'boolean' ? { result: value } : { wanted: 'true or false' };
    case 'integer':
      return Number.isSafeInteger(value) ? { result: value } : { wanted: 'a whole number' };
    case 'duration': {
      const ms = parseDuration(value);
      return ms === undefined ? { wanted: "milliseconds or a duration such as '10s' or '5m'" } : { result: ms };
    }
    case 'size': {
      const bytes = parseByteSize(value);
      return bytes === undefined ? { wanted: "bytes or a size such as '64MB'" } : { result: bytes };
    }
    case 'policy':
      return typeof value === 'function' || isBadRecordAction(value) || readRetryPolicy(value) !== undefined
        ? { result: value }
        : {
            wanted:
              "'fail', 'continue', 'deadLetter', a function, or { retry: { attempts, backoff?, maxBackoff?, jitter? }, finally }",
          };
    case 'uncaught':
      return typeof value === 'function' || UNCAUGHT_ACTIONS.includes(value as UncaughtAction)
        ? { result: value }
        : { wanted: "'replaceTask', 'shutdownInstance', 'shutdownApplication' or a function" };
    case 'strings':
      return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && item !== '')
        ? { result: value }
        : { wanted: 'a list of texts that is not empty' };
    case 'function':
      return typeof value === 'function' ? { result: value } : { wanted: 'a function' };
    case 'serde':
      return typeof value === 'string' || isSerde(value)
        ? { result: value }
        : { wanted: 'the name of a serde, or an object with "serialize" and "deserialize"' };
    case 'list':
      return Array.isArray(value) ? { result: value } : { wanted: 'a list' };
    case 'ssl':
      return typeof value === 'boolean' || isObject(value)
        ? { result: value }
        : { wanted: "true, false or options of Node's tls.connect" };
    case 'sasl':
      return isSasl(value)
        ? { result: value }
        : {
            wanted:
              "{ mechanism: 'plain', 'scram-sha-256' or 'scram-sha-512', username, password }, or { mechanism: 'oauthbearer', oauthBearerProvider }, without other keys",
          };
    case 'topics':
      return isTopics(value)
        ? { result: value }
        : { wanted: '{ [topic]: { partitions, config? } }, partitions from 1' };
    case 'readiness':
      return value === 'all' || value === 'any' || (typeof value === 'number' && value >= 0 && value <= 1)
        ? { result: value }
        : { wanted: "'all', 'any' or a share from 0 to 1" };
    case 'changelog':
      return typeof value === 'boolean' || (isObject(value) && Object.values(value).every((v) => typeof v === 'string'))
        ? { result: value }
        : { wanted: "true, false or an object of topic settings as texts, such as { 'segment.ms': '3600000' }" };
    case 'prefetch':
      return value === false || typeof value === 'function' ? { result: value } : { wanted: 'false or a function' };
    case 'other':
      return { result: value };
    default:
      return type.includes(value as string)
        ? { result: value }
        : { wanted: type.map((choice) => `'${choice}'`).join(' or ') };
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSerde(value: unknown): boolean {
  return isObject(value) && typeof value['serialize'] === 'function' && typeof value['deserialize'] === 'function';
}

const PASSWORD_MECHANISMS: readonly unknown[] = ['plain', 'scram-sha-256', 'scram-sha-512'];

function isSasl(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { mechanism, username, password, oauthBearerProvider, ...unknowns } = value;
  if (Object.keys(unknowns).length > 0) return false;
  if (mechanism === 'oauthbearer') return typeof oauthBearerProvider === 'function';
  return PASSWORD_MECHANISMS.includes(mechanism) && typeof username === 'string' && typeof password === 'string';
}

function isTopics(value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.values(value).every((topic) => {
    if (!isObject(topic)) return false;
    const { partitions, config = {}, ...unknowns } = topic;
    return (
      Object.keys(unknowns).length === 0 &&
      Number.isSafeInteger(partitions) &&
      (partitions as number) >= 1 &&
      isObject(config)
    );
  });
}

function shown(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : typeof value === 'object' && value
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : String(value);
}
