import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { StateDirectoryLockedError } from '../../errors/state-directory-locked-error.js';

interface LockHolder {
  readonly pid: number;
  /** Tells a process from a later one of the same number; undefined where the system does not say. */
  readonly startTime: string | undefined;
  readonly host: string;
  readonly token: string;
}

/**
 * A lock file that outlives no process: it names pid, start time and host, and one whose process is gone is taken over. Processes of another
 * host (a shared volume) cannot be looked up, so theirs count as alive.
 */
export class ProcessLock {
  private constructor(
    private readonly path: string,
    private readonly token: string,
  ) {}

  /** @throws StateDirectoryLockedError naming the live process that holds it. */
  static acquire(path: string): ProcessLock {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const holder: LockHolder = {
      pid: process.pid,
      startTime: startTimeOf(process.pid),
      host: hostname(),
      token: randomUUID(),
    };
    const draft = `${path}.${holder.token}`;
    writeFileSync(draft, JSON.stringify(holder), { mode: 0o600, flush: true });
    try {
      for (;;) {
        if (tryLink(draft, path)) return new ProcessLock(path, holder.token);
        const current = read(path);
        if (current === 'absent') continue;
        if (current === 'unreadable')
          throw new StateDirectoryLockedError(dirname(path), undefined, `a process that left ${path} unreadable`);
        if (current !== 'empty' && isAlive(current)) {
          throw new StateDirectoryLockedError(
            dirname(path),
            current.pid,
            `process ${current.pid} on ${current.host}${current.pid === process.pid ? ' (this process)' : ''}`,
          );
        }
        removeStale(path, current);
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** Idempotent; leaves a lock that another process has taken over. */
  release(): void {
    const current = read(this.path);
    if (typeof current === 'object' && current.token === this.token) rmSync(this.path, { force: true });
  }
}

/** A hard link appears with its content or not at all. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two processes may find the same stale lock: only the one that moves that very file away removes it. */
function removeStale(path: string, stale: LockHolder | 'empty'): void {
  const aside = join(dirname(path), `.stale-${randomUUID()}`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = read(aside);
  const isStale = typeof stale === 'object' && typeof moved === 'object' && moved.token === stale.token;
  if (typeof moved === 'object' && !isStale) tryLink(aside, path);
  unlinkSync(aside);
}

/** A lock appears with its content, so one without is what a crash of the machine has left: its holder is gone. */
function read(path: string): LockHolder | 'absent' | 'empty' | 'unreadable' {
  try {
    const text = readFileSync(path, 'utf8');
    // Some file systems fill what was not written with zeros.
    if (text.replaceAll('\0', '') === '') return 'empty';
    const fields = JSON.parse(text) as LockHolder;
    return typeof fields?.pid === 'number' ? fields : 'unreadable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'absent' : 'unreadable';
  }
}

function isAlive(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startTimeOf(holder.pid);
  return holder.startTime === undefined || now === undefined || now === holder.startTime;
}

/** Linux: boot id and the clock ticks of field 22 of /proc/<pid>/stat, so that neither a reused pid nor a reboot looks like the holder. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in field 2 may hold anything, parentheses included.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
  } catch {
    return undefined;
  }
}
