import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STREAMS_METRICS } from '../../libs/streams/src/observability/streams-metrics.js';
import { plain, readPage, readTable } from './read-table.js';

const sources = fileURLToPath(new URL('../../libs/streams/src/', import.meta.url));

/** The metrics that no source file names outside `observability/`. */
function unreported(): string[] {
  const source = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('observability'))
    .map((file) => readFileSync(join(sources, file), 'utf8'))
    .join('\n');
  return Object.keys(STREAMS_METRICS).filter((name) => !source.includes(`'${name}'`));
}

describe('docs/reference/metrics.md', () => {
  it('lists every metric with its type, labels and meaning, and no others', () => {
    expect(readTable('metrics.md', 'Metrics of the library')).toEqual(
      Object.entries(STREAMS_METRICS).map(([name, { type, labels, help }]) => [
        name,
        type,
        labels.join(', '),
        plain(help),
      ]),
    );
  });

  it('says which of them nothing reports yet, and no others', () => {
    const [, note = ''] = /^Not reported yet: (.*)\.$/m.exec(readPage('metrics.md')) ?? [];
    expect(note.split(', ').filter(Boolean).map(plain)).toEqual(unreported());
  });
});
