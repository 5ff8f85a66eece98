import { readFileSync } from 'node:fs';

/** The rows of the table under a heading of a page beside this file: trimmed cells without code marks, the table's head left out. */
export function readTable(page: string, heading: string): string[][] {
  const section = readPage(page)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  const lines = (section ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.slice(1, line.lastIndexOf('|')).split('|').map(plain));
}

export function readPage(page: string): string {
  return readFileSync(new URL(page, import.meta.url), 'utf8');
}

/** As a cell of a table shows it. */
export function plain(text: string): string {
  return text.replaceAll('`', '').trim();
}
