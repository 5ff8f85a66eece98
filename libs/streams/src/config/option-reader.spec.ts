import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FEATURE_OPTIONS,
  SEND_TO_OPTIONS,
  STATE_STORE_OPTIONS,
  STREAM_HANDLER_OPTIONS,
  STREAM_PROCESSOR_OPTIONS,
} from './decorator-option-tables.js';
import { ENGINE_OPTION_TABLE, IMPORT_OPTION_TABLE } from './module-option-table.js';
import { OptionReader, type OptionTable } from './option-reader.js';
import { OPTION_TABLE } from './option-table.js';

const tables: Readonly<Record<string, OptionTable>> = {
  forRoot: OPTION_TABLE,
  import: IMPORT_OPTION_TABLE,
  engines: ENGINE_OPTION_TABLE,
  forFeature: FEATURE_OPTIONS,
  '@StateStore': STATE_STORE_OPTIONS,
  '@StreamHandler': STREAM_HANDLER_OPTIONS,
  '@SendTo': SEND_TO_OPTIONS,
  '@StreamProcessor': STREAM_PROCESSOR_OPTIONS,
};

const paths = Object.entries(tables).flatMap(([name, table]) =>
  Object.entries(table).map(([path, definition]) => ({ name, table, path, definition })),
);

function problemsOf(table: OptionTable, path: string, value: unknown): string[] {
  const [group, inner] = path.split('.') as [string, string?];
  return new OptionReader(inner === undefined ? { [group]: value } : { [group]: { [inner]: value } }, { table })
    .problems;
}

/** No option takes any of these, whatever its type. */
const NEVER = [null, NaN, Infinity, Symbol('odd'), 10n] as const;

describe('OptionReader', () => {
  it.each(Object.entries(tables))('refuses every unknown key of %s, at the top and in groups', (_name, table) => {
    const groups = [...new Set(Object.keys(table).flatMap((path) => (path.includes('.') ? [path.split('.')[0]] : [])))];
    const prefixes = ['', ...groups.map((group) => `${group}.`)];
    fc.assert(
      fc.property(fc.constantFrom(...prefixes), fc.stringMatching(/^[a-zA-Z_]{1,12}$/), (prefix, key) => {
        const path = `${prefix}${key}`;
        fc.pre(key !== '__proto__' && !Object.hasOwn(table, path) && !groups.includes(path));
        expect(problemsOf(table, path, true)).toEqual([expect.stringContaining(`Unknown option "${path}"`)]);
      }),
    );
  });

  it.each(paths.filter(({ definition }) => definition.type !== 'other'))(
    'refuses a wrong type of $path in $name',
    ({ table, path }) => {
      for (const value of NEVER)
        expect([String(value), ...problemsOf(table, path, value)]).toEqual([
          String(value),
          expect.stringContaining(`"${path}" must be`),
        ]);
    },
  );

  it.each(paths.filter(({ definition }) => definition.min !== undefined))(
    'refuses $path of $name below its range',
    ({ table, path, definition }) => {
      expect(problemsOf(table, path, definition.min! - 1)).toEqual([expect.stringContaining(`"${path}" must be`)]);
    },
  );

  it('finds the nearest option to a misspelt one in a group that is an option itself', () => {
    const { problems } = new OptionReader({ query: { authorise: () => false } }, { table: STATE_STORE_OPTIONS });
    expect(problems).toEqual(['Unknown option "query.authorise". Did you mean "query.authorize"?']);
  });
});
