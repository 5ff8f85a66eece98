import { rmSync } from 'node:fs';
import { temporaryFolder } from '../../support/bank.js';
import { AppProcess } from '../../support/built-app.js';
import type { QueryTarget } from '../traffic/queries.js';

const STOP_TIMEOUT_MS = 60_000;
const FAILURE_TIMEOUT_MS = 60_000;

/** One instance over all its processes; its state directory stays. */
class App implements QueryTarget {
  readonly stateDir = temporaryFolder();
  readonly outputs: string[] = [];
  process: AppProcess | undefined;

  constructor(readonly id: string) {}

  get url(): string | undefined {
    return this.process?.url;
  }
}

/** The instances of the built example, each a process of its own. */
export class AppFleet {
  private readonly apps: readonly App[];

  constructor(
    private readonly brokers: string,
    ids: readonly string[],
    private readonly entry: string | undefined,
  ) {
    this.apps = ids.map((id) => new App(id));
  }

  get targets(): readonly QueryTarget[] {
    return this.apps;
  }

  /** @param env further variables of this one process. */
  async start(id: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const app = this.app(id);
    const { brokers, entry } = this;
    const { stateDir } = app;
    app.process = await AppProcess.start({ brokers, instanceId: id, stateDir, env, ...(entry && { entry }) });
  }

  async kill(id: string): Promise<void> {
    const app = this.app(id);
    const { process } = app;
    app.process = undefined;
    await process?.kill();
    if (process !== undefined) app.outputs.push(process.output);
  }

  /** SIGTERM. @throws Error if the process does not end by itself, or with an error. */
  async stop(id: string): Promise<void> {
    const app = this.app(id);
    const { process } = app;
    if (process === undefined) return;
    process.signal('SIGTERM');
    const late = setTimeout(() => process.signal('SIGKILL'), STOP_TIMEOUT_MS);
    const code = await process.exited();
    clearTimeout(late);
    app.process = undefined;
    app.outputs.push(process.output);
    // Nest ends the process with the signal again once its hooks have run.
    if (code !== 0 && !process.endedBy('SIGTERM')) throw new Error(`${id} ended with ${code} on SIGTERM`);
  }

  pause(id: string): void {
    this.app(id).process?.signal('SIGSTOP');
  }

  resume(id: string): void {
    this.app(id).process?.signal('SIGCONT');
  }

  /** Whether it says that all its tasks run. @throws Error if it has ended or failed by itself. */
  async isReady(id: string): Promise<boolean> {
    const { process } = this.app(id);
    if (process === undefined) return false;
    if (process.hasExited) throw new Error(`${id} has ended by itself:\n${process.output.slice(-2000)}`);
    const { isReady, failure } = await readiness(process);
    if (failure !== undefined) throw new Error(`${id} has failed with ${failure}`);
    return isReady;
  }

  /** Settles with the code that an instance fails with, with its last words if its process ends, or with what else became of it. */
  async failure(id: string, timeoutMs = FAILURE_TIMEOUT_MS): Promise<string> {
    const { process } = this.app(id);
    const end = performance.now() + timeoutMs;
    while (process !== undefined && performance.now() < end) {
      if (process.hasExited) return process.output.slice(-2000);
      const { isReady, failure } = await readiness(process);
      if (failure !== undefined) return failure;
      if (isReady) return 'readiness';
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return 'nothing in time';
  }

  /** @returns status and body of the answer. */
  get(id: string, path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.app(id).process!.get(path);
  }

  /** Everything that each instance wrote, over all its processes. */
  outputs(): Map<string, string> {
    return new Map(
      this.apps.map(({ id, outputs, process }) => [id, [...outputs, process?.output ?? ''].join('\n----\n')]),
    );
  }

  async close(): Promise<void> {
    for (const { id, stateDir } of this.apps) {
      await this.kill(id);
      rmSync(stateDir, { recursive: true, force: true });
    }
  }

  private app(id: string): App {
    return this.apps.find((app) => app.id === id)!;
  }
}

async function readiness(process: AppProcess): Promise<{ readonly isReady: boolean; readonly failure?: string }> {
  try {
    const response = await fetch(`${process.url}/health/ready`, { signal: AbortSignal.timeout(1000) });
    const body = (await response.json()) as { details?: { streams?: { failure?: string } } };
    const failure = body.details?.streams?.failure;
    return { isReady: response.ok, ...(failure === undefined ? {} : { failure }) };
  } catch {
    return { isReady: false };
  }
}
