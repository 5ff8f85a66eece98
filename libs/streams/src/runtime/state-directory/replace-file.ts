import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DiskFullError } from '../../errors/disk-full-error.js';
import { StateDirectoryError } from '../../errors/state-directory-error.js';

/** Replaces the file in one step, so that a crash, also of the machine, leaves the old one or the new one. @throws StateDirectoryError, DiskFullError */
export function replaceFile(path: string, content: object): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${randomUUID()}`;
    writeFileSync(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(draft, path);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

export function unusable(path: string, cause: unknown): StateDirectoryError | DiskFullError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS')
    return new DiskFullError(dirname(path), message, { cause });
  return new StateDirectoryError(
    dirname(path),
    `The state directory cannot be used: ${message}. Check that stateDir exists or can be made, and that this user may write there.`,
    { cause },
  );
}
