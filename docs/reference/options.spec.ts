import { describe, expect, it } from 'vitest';
import { OPTION_TABLE, type OptionDefinition } from '../../libs/streams/src/config/option-table.js';
import { IMPORT_OPTION_TABLE } from '../../libs/streams/src/config/module-option-table.js';
import { MODULE_OPTION_KEYS } from '../../libs/streams/src/nest/streams-module-options.js';
import { plain, readTable } from './read-table.js';

const UNITS = {
  duration: [
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1000, 's'],
    [1, 'ms'],
  ],
  size: [
    [2 ** 30, 'GB'],
    [2 ** 20, 'MB'],
    [1024, 'KB'],
    [1, 'B'],
  ],
  integer: [[1, '']],
} as const;

/** A bound in the largest unit that holds it without a rest. */
function bound(value: number, type: OptionDefinition['type']): string {
  if (type !== 'duration' && type !== 'size') return String(value);
  const [size, unit] = UNITS[type].find(([size]) => value !== 0 && value % size === 0) ?? [1, ''];
  return `${value / size}${unit}`;
}

function range({ type, min, max }: OptionDefinition): string {
  if (typeof type === 'object') return type.map((choice) => `'${choice}'`).join(', ');
  if (min === undefined && max === undefined) return '';
  if (max === undefined) return `from ${bound(min!, type)}`;
  return `${bound(min!, type)} to ${bound(max, type)}`;
}

describe('docs/reference/options.md', () => {
  it('lists every option with its default, range and meaning, and no others', () => {
    expect(readTable('options.md', 'Options of the runtime')).toEqual(
      Object.entries<OptionDefinition>(OPTION_TABLE).map(([path, definition]) => [
        path,
        plain(definition.default),
        range(definition),
        plain(definition.meaning),
      ]),
    );
  });

  it('lists every option of import time with its default and meaning', () => {
    const documented = readTable('options.md', 'Options of the module').slice(
      0,
      Object.keys(IMPORT_OPTION_TABLE).length,
    );
    expect(documented).toEqual(
      Object.entries<OptionDefinition>(IMPORT_OPTION_TABLE).map(([path, definition]) => [
        path,
        plain(definition.default),
        plain(definition.meaning),
      ]),
    );
  });

  it('lists every option of the module, and no others', () => {
    const documented = readTable('options.md', 'Options of the module').map(([path]) => path.split('.')[0]);
    expect([...new Set(documented)].sort()).toEqual([...MODULE_OPTION_KEYS].sort());
  });
});
