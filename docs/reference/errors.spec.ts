import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCodeEntry } from '../../libs/streams/src/errors/error-codes.js';
import { kafkaError } from '../../libs/streams/src/log/client/kafka-error.js';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import { plain, readTable } from './read-table.js';

const sources = fileURLToPath(new URL('../../libs/streams/src/', import.meta.url));

const kafkaErrors = Object.values(KafkaErrorCode)
  .filter((code) => code !== KafkaErrorCode.NONE)
  .map((code) => kafkaError(code, 'a request'));

/** Every code that stands as a literal in the library, apart from the table itself and from tests. */
function codesInSource(): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && file !== join('errors', 'error-codes.ts'),
  );
  const codes = files.flatMap((file) =>
    Array.from(
      readFileSync(join(sources, file), 'utf8').matchAll(/'((?:STREAMS|LOG)_[A-Z][A-Z_]*)'/g),
      ([, code]) => code,
    ),
  );
  return [...new Set(codes)];
}

describe('docs/reference/errors.md', () => {
  it('lists every code of the library with its family, meaning and remedy, and no others', () => {
    expect(readTable('errors.md', 'Codes')).toEqual(
      Object.entries<ErrorCodeEntry>(ERROR_CODES).map(([code, { family, meaning, fix }]) => [
        code,
        family,
        plain(meaning),
        plain(fix),
      ]),
    );
  });

  it('explains every family, and no others', () => {
    const used = new Set(Object.values(ERROR_CODES).map(({ family }) => family));
    expect(
      readTable('errors.md', 'Families')
        .map(([family]) => family)
        .sort(),
    ).toEqual([...used].sort());
  });

  it('lists the codes made of Kafka errors by what the library does with them, and no others', () => {
    const byKind = new Map<string, string[]>();
    for (const { kind, code } of kafkaErrors) byKind.set(kind, [...(byKind.get(kind) ?? []), code]);
    const documented = readTable('errors.md', 'Errors of brokers').map(([kind, , codes]) => [
      kind,
      codes.split(', ').sort(),
    ]);
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(Array.from(byKind, ([kind, codes]) => [kind, codes.sort()])),
    );
  });
});

describe('the codes of errors', () => {
  it('that stand in the source are those of the table, or made of the name of a Kafka error', () => {
    const known = new Set<string>([...Object.keys(ERROR_CODES), ...kafkaErrors.map(({ code }) => code)]);
    const found = codesInSource();
    expect(found.filter((code) => !known.has(code))).toEqual([]);
    expect(Object.keys(ERROR_CODES).filter((code) => !found.includes(code))).toEqual([]);
  });
});
