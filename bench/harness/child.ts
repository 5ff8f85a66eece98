import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a measured child process reports as its last line on stdout. */
export interface Measurement {
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly extra?: Readonly<Record<string, number>>;
}

/**
 * Runs a program of this folder in a process of its own, so that its CPU and memory are its alone.
 * @throws Error with the child's stderr if it fails.
 */
export async function measureChild(
  program: URL,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Measurement> {
  return measureCommand(process.execPath, ['--max-old-space-size=4096', fileURLToPath(program), ...args], env);
}

/** Runs any program that reports a `Measurement`. @throws Error with its stderr if it fails. */
export async function measureCommand(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Measurement> {
  const child = spawn(command, args, {
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measurement;
}

/** Measures from the first call of `start` to `finish`, and prints the measurement. */
export class Stopwatch {
  private startedAt = 0;
  private cpu: NodeJS.CpuUsage | undefined;

  start(): void {
    if (this.cpu) return;
    this.startedAt = performance.now();
    this.cpu = process.cpuUsage();
  }

  finish(records: number, extra?: Record<string, number>): void {
    const { user, system } = process.cpuUsage(this.cpu);
    const measurement: Measurement = {
      records,
      seconds: (performance.now() - this.startedAt) / 1000,
      cpuSeconds: (user + system) / 1e6,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      ...(extra ? { extra } : {}),
    };
    process.stdout.write(`${JSON.stringify(measurement)}\n`);
  }
}
