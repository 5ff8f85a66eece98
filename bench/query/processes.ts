import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface LoadResult {
  readonly perSecond: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  /** p99 of how late the generator sent, ms. */
  readonly late: number;
  readonly failures: number;
}

export interface ServerState {
  readonly processed: number;
  readonly tasks: readonly number[];
}

/** What can be asked over HTTP. */
export interface Asked {
  readonly port: number;
}

/** An application that processes. */
export interface Processing extends Asked {
  /** Processing only; queries go on. */
  pause(isPaused: boolean): Promise<void>;
  state(): Promise<{ readonly processed: number }>;
}

/** One helper thread for garbage collection, as docs/guide/operations.md has it for two cores; Node takes four. For all servers, the controller included. */
const NODE_FLAGS = ['--v8-pool-size=1'];
const env = { ...process.env, NODE_ENV: 'production' };

/** A server of this folder in a process of its own. */
export class ServerProcess implements Processing {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static start(program: string, args: readonly string[], port: number): ServerProcess {
    const { BENCH_CPU_PROF: folder } = process.env;
    const flags = folder === undefined ? NODE_FLAGS : [...NODE_FLAGS, '--cpu-prof', '--cpu-prof-dir', folder];
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = spawn(process.execPath, [...flags, path, ...args, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env,
    });
    return new ServerProcess(child, port);
  }

  async pause(isPaused: boolean): Promise<void> {
    this.child.send(isPaused ? 'pause' : 'resume');
    await once(this.child, 'message');
  }

  async state(): Promise<ServerState> {
    this.child.send('state');
    const [state] = (await once(this.child, 'message')) as [ServerState];
    return state;
  }

  async ready(isReady: (state: ServerState) => boolean): Promise<void> {
    const deadline = performance.now() + 180_000;
    while (!isReady(await this.state())) {
      if (performance.now() > deadline) throw new Error('Waited three minutes for a server of the bench.');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }
}

export async function runProgram<T>(program: string, args: readonly string[]): Promise<T> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} exited with ${code}`);
  return JSON.parse(output) as T;
}
