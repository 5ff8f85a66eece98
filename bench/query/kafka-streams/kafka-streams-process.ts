import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { checkoutRoot, kafkaStreamsJars } from '../../harness/kafka-streams/jars.js';
import type { Processing } from '../processes.js';

const START_MS = 180_000;

/** `StreamsPeer.java` in a process of its own. */
export class KafkaStreamsProcess implements Processing {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** Settles when it has restored its store and runs. */
  static async start(brokers: string, stateDir: string, port: number): Promise<KafkaStreamsProcess> {
    const source = join(checkoutRoot, 'bench', 'query', 'kafka-streams', 'StreamsPeer.java');
    const java = [
      '-Xmx2g',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      `${await kafkaStreamsJars()}/*`,
      source,
    ];
    const child = spawn('java', [...java, brokers, stateDir, String(port)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const started = new KafkaStreamsProcess(child, port);
    const deadline = performance.now() + START_MS;
    while ((await started.ask('state').catch(() => undefined))?.state !== 'RUNNING') {
      if (performance.now() > deadline || child.exitCode !== null) throw new Error('Kafka Streams did not start.');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return started;
  }

  async pause(isPaused: boolean): Promise<void> {
    await this.ask(isPaused ? 'pause' : 'resume');
  }

  state(): Promise<{ readonly processed: number }> {
    return this.ask('state');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  private async ask(what: string): Promise<{ readonly processed: number; readonly state: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/${what}`);
    return (await response.json()) as { processed: number; state: string };
  }
}
