import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Bytes that this process may use: the container's limit (cgroup v2, then v1) where there is one below the machine's memory. */
export function memoryLimitBytes(read: (path: string) => string = readText, machineBytes: number = totalmem()): number {
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(read(path).trim());
      // "max", and the huge number of v1, mean no limit.
      if (Number.isFinite(limit) && limit > 0 && limit < machineBytes) return limit;
    } catch {
      // Not in a container of this kind.
    }
  }
  return machineBytes;
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
