import { parseByteSize } from './byte-size.js';
import { closest } from './closest.js';
import { parseDuration } from './duration.js';
import { OPTION_TABLE, type OptionDefinition, type OptionPath } from './option-table.js';
import { isBadRecordAction, readRetryPolicy } from './retry-policy.js';
import { UNCAUGHT_ACTIONS, type UncaughtAction } from './uncaught-policy.js';

const GROUPS = new Set(Object.keys(OPTION_TABLE).flatMap((path) => (path.includes('.') ? [path.split('.')[0]] : [])));
const table: Readonly<Record<string, OptionDefinition>> = OPTION_TABLE;

/** Reads options by their path as the table says, and collects what is wrong instead of throwing. */
export class OptionReader {
  readonly problems: string[] = [];
  private readonly values = new Map<string, unknown>();

  /** @param extraKeys top-level options that belong to an adapter and are checked there. */
  constructor(options: unknown, extraKeys: readonly string[] = []) {
    if (!isObject(options)) {
      this.problems.push('The options must be an object.');
      return;
    }
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined || extraKeys.includes(key)) continue;
      if (!GROUPS.has(key)) this.keep(key, value, extraKeys);
      else if (!isObject(value)) this.problems.push(`"${key}" must be an object, not ${shown(value)}.`);
      else {
        for (const [inner, entry] of Object.entries(value)) {
          if (entry !== undefined) this.keep(`${key}.${inner}`, entry, extraKeys);
        }
      }
    }
  }

  has(path: OptionPath): boolean {
    return this.values.has(path);
  }

  string(path: OptionPath): string | undefined {
    return this.values.get(path) as string | undefined;
  }

  boolean(path: OptionPath): boolean | undefined {
    return this.values.get(path) as boolean | undefined;
  }

  /** An integer, milliseconds or bytes. */
  number(path: OptionPath): number | undefined {
    return this.values.get(path) as number | undefined;
  }

  /** A value whose type the table guarantees. */
  value<T>(path: OptionPath): T | undefined {
    return this.values.get(path) as T | undefined;
  }

  private keep(path: string, value: unknown, extraKeys: readonly string[]): void {
    const definition = table[path];
    if (!definition) {
      const candidates = [...Object.keys(OPTION_TABLE), ...GROUPS, ...extraKeys];
      const hint = closest(path, candidates);
      this.problems.push(`"${path}" is no option.${hint ? ` Did you mean "${hint}"?` : ''}`);
      return;
    }
    const { result, wanted } = read(definition.type, value);
    if (wanted) {
      this.problems.push(`"${path}" must be ${wanted}, not ${shown(value)}.`);
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

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value === 'object' && value ? 'an object' : String(value);
}
