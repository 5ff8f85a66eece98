import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 60_000;
const KEPT_OUTPUT = 10_000;

export interface BrokerProcessOptions {
  /** Folder of the jars. */
  readonly jars: string;
  /** Path of `server.properties`. */
  readonly config: string;
  /** Port of its clients. */
  readonly port: number;
  readonly javaOptions: readonly string[];
  readonly onOutput?: (chunk: Buffer) => void;
}

/** One Java process of a broker on a fixed port, started again at will. It dies with the process that started it, however that ends. */
export class BrokerProcess {
  private guard: ChildProcess | undefined;
  private pid: number | undefined;
  private output = '';

  constructor(private readonly options: BrokerProcessOptions) {}

  get isUp(): boolean {
    return this.guard !== undefined;
  }

  /** @throws Error with the broker's own output if it does not accept connections in time. */
  async boot(): Promise<void> {
    const { jars, config, port, javaOptions, onOutput } = this.options;
    this.output = '';
    // The guard ends the broker when its standard input closes, which the system does for a parent that died in any way.
    const script = 'java "$@" & broker=$!; echo "pid $broker"; cat > /dev/null; kill -9 $broker 2> /dev/null; wait';
    const java = [...javaOptions, '-cp', `${jars}/*`, 'kafka.Kafka', config];
    const guard = spawn('bash', ['-c', script, 'broker', ...java], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.guard = guard;
    guard.stdin.on('error', () => {});
    const keep = (chunk: Buffer): void => {
      onOutput?.(chunk);
      // The last words of a killed broker must not pass for those of its successor.
      if (this.guard !== guard) return;
      this.output = (this.output + chunk.toString()).slice(-KEPT_OUTPUT);
      this.pid ??= Number(/^pid (\d+)/m.exec(this.output)?.[1]) || undefined;
    };
    guard.stdout.on('data', keep);
    guard.stderr.on('data', keep);
    const end = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(port))) {
      const isGone = this.pid !== undefined && !isAlive(this.pid);
      if (guard.exitCode !== null || isGone || Date.now() > end)
        throw new Error(`the broker did not start:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** kill -9: what was not yet flushed to disk is left to the operating system, as after a real crash of the process. */
  async kill(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    await this.release();
  }

  /** SIGTERM: the broker hands over its leaders and coordinators first. */
  async stop(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    process.kill(pid, 'SIGTERM');
    const end = Date.now() + STOP_TIMEOUT_MS;
    while (isAlive(pid)) {
      if (Date.now() > end) throw new Error(`the broker did not stop:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.release();
  }

  /** SIGSTOP: its connections stay open, and nothing answers. */
  pause(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.pid !== undefined && isAlive(this.pid)) process.kill(this.pid, 'SIGCONT');
  }

  private async release(): Promise<void> {
    const { guard } = this;
    this.guard = undefined;
    this.pid = undefined;
    if (guard === undefined) return;
    const gone = guard.exitCode === null ? once(guard, 'exit') : undefined;
    guard.stdin?.end();
    await gone;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
