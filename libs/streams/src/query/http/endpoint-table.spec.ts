import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT } from '../scan/store-scans.js';
import { PROBLEM_TYPES, QUERY_ENDPOINTS } from './endpoint-table.js';
import { SCAN_PARAMETERS } from './request/read-request.js';
import { storesController } from './stores-controller.js';

const page = readFileSync(new URL('../../../../../docs/reference/endpoints.md', import.meta.url), 'utf8');

/** The cells of the table under a heading, without its head, without code marks. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, row.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('docs/reference/endpoints.md', () => {
  it('lists the endpoints of queries, each with its statuses, and no others', () => {
    expect(tableUnder('Queries')).toEqual(
      QUERY_ENDPOINTS.map(({ method, path, summary, statuses }) => [method, path, summary, statuses.join(', ')]),
    );
  });

  it('lists the problem types, and no others', () => {
    expect(tableUnder('Problems')).toEqual(
      PROBLEM_TYPES.map(({ name, status, code, meaning }) => [name, String(status), code, meaning.replaceAll('`', '')]),
    );
    expect(page).toContain(PROBLEM_TYPES[0].type.replace(PROBLEM_TYPES[0].name, ''));
  });

  it('lists the parameters of a scan, with their limits', () => {
    const rows = tableUnder('Pages');
    expect(rows.map(([name]) => name)).toEqual([...SCAN_PARAMETERS]);
    const limit = rows.find(([name]) => name === 'limit')?.join(' ');
    expect(limit).toContain(String(DEFAULT_PAGE_LIMIT));
    expect(limit).toContain(String(MAX_PAGE_LIMIT));
  });
});

describe('the table of endpoints', () => {
  it('holds the routes of the controller', () => {
    const controller = storesController();
    const prototype = controller.prototype as Record<string, object>;
    const routes = Object.getOwnPropertyNames(prototype).flatMap((name) => {
      // Further paths of a handler are other ways to write the same.
      const [path] = [Reflect.getMetadata(PATH_METADATA, prototype[name]) as string | string[] | undefined].flat();
      if (path === undefined || name === 'constructor') return [];
      const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, prototype[name]) as number];
      return [`${method} /stores${path === '/' ? '' : `/${path}`}`];
    });
    expect(routes.sort()).toEqual(QUERY_ENDPOINTS.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('names statuses that problems have, and every one of them', () => {
    const named = new Set(QUERY_ENDPOINTS.flatMap(({ statuses }) => statuses));
    expect([...named].sort()).toEqual([...new Set([200, 304, ...PROBLEM_TYPES.map(({ status }) => status)])].sort());
  });
});
