import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

function workspaceRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'nest-cli.json'))) folder = dirname(folder);
  return folder;
}

/** Compiles the example as `npm run build` does. */
export async function buildApp(): Promise<void> {
  const root = workspaceRoot();
  await run(process.execPath, [join(root, 'node_modules/@nestjs/cli/bin/nest.js'), 'build'], { cwd: root });
}

export interface AppOptions {
  readonly brokers: string;
  readonly instanceId: string;
  readonly stateDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The built example. Default: what `buildApp` makes. */
  readonly entry?: string;
}

/** One process of the built example, under plain `node`. */
export class AppProcess {
  output = '';

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {
    child.stdout?.on('data', (text: Buffer) => (this.output += text.toString()));
    child.stderr?.on('data', (text: Buffer) => (this.output += text.toString()));
  }

  static async start({ brokers, instanceId, stateDir, env = {}, entry }: AppOptions): Promise<AppProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, [entry ?? join(workspaceRoot(), 'dist/src/main.js')], {
      env: {
        ...process.env,
        NO_COLOR: '1',
        KAFKA_BROKERS: brokers,
        PORT: String(port),
        INSTANCE_ID: instanceId,
        STATE_DIR: stateDir,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(`http://127.0.0.1:${port}`, child);
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Tasks that run in this process, or undefined while it does not answer. */
  async runningTasks(): Promise<number | undefined> {
    try {
      const body = (await (await fetch(`${this.url}/health/ready`)).json()) as {
        details?: { streams?: { tasks?: { running?: number } } };
      };
      return body.details?.streams?.tasks?.running ?? 0;
    } catch {
      return undefined;
    }
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`${this.url}${path}`);
    return { status: response.status, body: await response.json() };
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.hasExited) return;
    this.child.kill(signal);
    await once(this.child, 'exit');
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.hasExited) this.child.kill(signal);
  }

  endedBy(signal: NodeJS.Signals): boolean {
    return this.child.signalCode === signal;
  }

  /** Settles with the exit code. */
  async exited(): Promise<number | null> {
    if (!this.hasExited) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
