import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTable } from './read-table.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SECTIONS = ['Exactly once', 'Restore', 'Standbys and rebalances', 'Processing', 'Queries'];

/** `file`: words of the test's name; several of them are separated by semicolons, as are remarks. */
function named(cell: string): { readonly file: string; readonly test: string }[] {
  let file = '';
  return cell.split('; ').flatMap((part) => {
    const match = /^(?:.*: )?(?<path>(?:test|libs)\/[\w./-]+\.ts): (?<test>[^()]+)/.exec(part);
    if (match?.groups === undefined) return file !== '' && contains(file, part) ? [{ file, test: part }] : [];
    file = match.groups['path']!;
    return [{ file, test: match.groups['test']!.trim() }];
  });
}

function contains(file: string, test: string): boolean {
  return existsSync(join(root, file)) && readFileSync(join(root, file), 'utf8').includes(test);
}

describe('docs/reference/conformance.md', () => {
  it.each(SECTIONS)('names tests that exist, or a reason: %s', (section) => {
    const rows = readTable('conformance.md', section);
    expect(rows.length).toBeGreaterThan(3);
    for (const [scenario, cell = ''] of rows) {
      if (cell.startsWith('none: ')) continue;
      const tests = named(cell);
      expect(tests, scenario).not.toEqual([]);
      for (const { file, test } of tests) expect(contains(file, test), `${file}: ${test}`).toBe(true);
    }
  });
});
