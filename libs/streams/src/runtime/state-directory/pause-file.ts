import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StateDirectoryError } from '../../errors/state-directory-error.js';
import { replaceFile, unusable } from './replace-file.js';

/** What was paused when the instance last ran; `pauses.json` in the application's folder. */
export interface PauseFile {
  readonly instance: boolean;
  readonly processors: readonly string[];
  readonly tasks: readonly string[];
}

const NOTHING: PauseFile = { instance: false, processors: [], tasks: [] };

/** @throws StateDirectoryError if it cannot be read or understood. */
export function loadPauseFile(stateDir: string, applicationId: string): PauseFile {
  const path = pathOf(stateDir, applicationId);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
    throw unusable(path, cause);
  }
  try {
    const { instance, processors, tasks } = JSON.parse(text) as Partial<PauseFile>;
    if (typeof instance !== 'boolean' || !areTexts(processors) || !areTexts(tasks))
      throw new Error('a field is missing');
    return { instance, processors, tasks };
  } catch (cause) {
    throw new StateDirectoryError(
      dirname(path),
      `${path} cannot be read: ${(cause as Error).message}. Delete it; what was paused is processed again then.`,
      { cause },
    );
  }
}

/** @throws StateDirectoryError, DiskFullError */
export function savePauseFile(stateDir: string, applicationId: string, file: PauseFile): void {
  replaceFile(pathOf(stateDir, applicationId), file);
}

function pathOf(stateDir: string, applicationId: string): string {
  return join(stateDir, applicationId, 'pauses.json');
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
