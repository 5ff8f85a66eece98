// What the scripts share that try the packed library in an application of its own.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

/** Returns what the command prints; its errors go to ours. */
export function run(command, args, cwd) {
  return execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] }).toString();
}

/** Packs the built library into `folder`. @returns the name of the tarball */
export function packLibrary(folder) {
  const args = ['pack', '--silent', '--pack-destination', folder];
  return run('npm', args, join(root, 'libs/streams')).trim().split('\n').at(-1);
}

/** Returns the version of each package in the workspace. */
export async function workspaceVersions(...names) {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const versions = { ...dependencies, ...devDependencies };
  return Object.fromEntries(names.map((name) => [name, versions[name]]));
}

/** Returns the first code block of a page that matches. @throws if there is none */
export async function codeBlock(page, pattern) {
  const found = pattern.exec(await readFile(join(root, page), 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${page} holds no code block that matches ${pattern}`);
  return found;
}
