import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { StateDirectoryError } from '../../errors/state-directory-error.js';
import type { TopologyShape } from '../../topology/describe/topology-shape.js';
import { replaceFile, unusable } from './replace-file.js';

/** What an instance remembers about itself; `instance.json` in the application's folder. */
export interface InstanceFile {
  /** Finds its tasks again after a restart. */
  readonly processId: string;
  /** For an instance that the user gave no id. */
  readonly generatedInstanceId: string;
  /** Of the topology that last ran here. */
  readonly topology: TopologyShape | undefined;
  /** Ids of the changelogs that the stores here are written from, by topic. Absent in files of earlier versions. */
  readonly changelogIds?: Readonly<Record<string, string>>;
  /** Sources for which tasks have had a committed offset, by task. Absent in files of earlier versions. */
  readonly begunSources?: Readonly<Record<string, readonly string[]>>;
  /** The stores were written with a log that ended with its process. */
  readonly isVolatile?: boolean;
}

/** Returns an id for an instance that the user gave none: the host's name and a random part. */
export function newInstanceId(): string {
  return `${hostname().replaceAll(/[^a-zA-Z0-9._-]/g, '-')}-${randomUUID().slice(0, 8)}`;
}

/** Reads the file, or makes a new one. @throws StateDirectoryError if it cannot be read, written or understood. */
export function loadInstanceFile(stateDir: string, applicationId: string): InstanceFile {
  const path = pathOf(stateDir, applicationId);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, cause);
    const fresh: InstanceFile = {
      processId: randomUUID(),
      generatedInstanceId: newInstanceId(),
      topology: undefined,
    };
    saveInstanceFile(stateDir, applicationId, fresh);
    return fresh;
  }
  try {
    const fields = JSON.parse(text) as Partial<InstanceFile>;
    if (typeof fields.processId !== 'string' || typeof fields.generatedInstanceId !== 'string')
      throw new Error('it names no processId');
    return fields as InstanceFile;
  } catch (cause) {
    throw new StateDirectoryError(
      dirname(path),
      `${path} cannot be read: ${(cause as Error).message}. Delete it; the instance then gets a new identity and keeps its stores.`,
      { cause },
    );
  }
}

/** Replaces the file in one step. @throws StateDirectoryError */
export function saveInstanceFile(stateDir: string, applicationId: string, file: InstanceFile): void {
  replaceFile(pathOf(stateDir, applicationId), file);
}

function pathOf(stateDir: string, applicationId: string): string {
  return join(stateDir, applicationId, 'instance.json');
}
