import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function pages(): string[] {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, 'docs', name));
  return [join(root, 'README.md'), join(root, 'CHANGELOG.md'), ...inDocs];
}

/** The page without what is code: nothing in there is a link. */
function prose(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));
}

function anchors(page: string): string[] {
  return Array.from(prose(page).matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Why a link of the page leads nowhere, or undefined. */
function problem(page: string, link: string): string | undefined {
  const [path, anchor] = link.split('#') as [string, string | undefined];
  const target = path === '' ? page : resolve(dirname(page), decodeURIComponent(path));
  if (relative(root, target).startsWith('..')) return `${link} leads out of the repository`;
  if (!existsSync(target)) return `${link} does not exist`;
  if (anchor !== undefined && !anchors(target).includes(anchor)) return `${link} names no heading of its page`;
  return undefined;
}

/** Repository files that a page names as code, such as the test behind a promise. */
function namedFiles(page: string): string[] {
  const text = readFileSync(page, 'utf8');
  return Array.from(text.matchAll(/`((?:test|libs|src|docs|scripts|bench)\/[\w./-]+)`/g), ([, path]) => path);
}

describe('the documentation', () => {
  it.each(pages().map((page) => [relative(root, page), page]))('%s links only to what exists', (_, page) => {
    const links = Array.from(prose(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(local.flatMap((link) => problem(page, link) ?? [])).toEqual([]);
  });

  it('names only files that exist', () => {
    const named = pages().flatMap((page) => namedFiles(page));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('is reachable from the README', () => {
    const reached = new Set<string>();
    const visit = (page: string): void => {
      if (reached.has(page) || !page.endsWith('.md')) return;
      reached.add(page);
      for (const [, path] of prose(page).matchAll(/\]\(([^)\s#:]+)(?:#[^)]*)?\)/g)) {
        const target = resolve(dirname(page), path);
        // A link to a folder shows its pages.
        if (path.endsWith('/')) readdirSync(target).forEach((name) => visit(join(target, name)));
        else if (existsSync(target)) visit(target);
      }
    };
    visit(join(root, 'README.md'));
    const orphans = pages().filter((page) => !reached.has(page) && !page.endsWith('PROGRESS.md'));
    expect(orphans.map((page) => relative(root, page))).toEqual([]);
  });
});
