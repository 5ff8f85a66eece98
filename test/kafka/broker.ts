import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const KAFKA_VERSION = '4.3.1';
const START_TIMEOUT_MS = 90_000;
const run = promisify(execFile);

function workspaceRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'nest-cli.json'))) folder = dirname(folder);
  return folder;
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nestjs-streams</groupId><artifactId>test-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/** Why no broker can be started here, or undefined if one can. */
export async function brokerUnavailable(): Promise<string | undefined> {
  try {
    await run('java', ['-version']);
    await run('mvn', ['--version']);
    return undefined;
  } catch {
    return 'no KAFKA_BROKERS in the environment, and no JDK with Maven to start a broker with';
  }
}

/** Brings the broker's jars from Maven into the git-ignored cache, once. @returns their folder. */
async function jars(): Promise<string> {
  const folder = join(workspaceRoot(), '.cache', 'kafka', KAFKA_VERSION);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}-`);
  await writeFile(join(work, 'pom.xml'), pom);
  await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], {
    cwd: work,
    maxBuffer: 1 << 26,
  });
  await rename(join(work, 'lib'), folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error;
  });
  await rm(work, { recursive: true, force: true });
  return folder;
}

async function freePort(): Promise<number> {
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

const properties = (port: number, controller: number, logs: string): string => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${logs}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.backoff.ms=500
`;

/** A real single-node Kafka broker in a folder and on ports of its own. It dies with the process that started it, however that ends. */
export class KafkaBroker {
  private guard: ChildProcess | undefined;
  private pid: number | undefined;
  private output = '';
  /**
   * The broker said that it left transactions without their markers. Kafka 4.3.1 does that while its partitions have no leader, which is so for a moment
   * after the crash of a cluster's only broker: what was decided then is never shown to read_committed readers, and no client can mend it.
   */
  hasDroppedMarkers = false;

  private constructor(
    private readonly folder: string,
    private readonly libraries: string,
    private readonly port: number,
  ) {}

  /** @throws Error with the broker's own output if it does not accept connections in time. */
  static async start(): Promise<KafkaBroker> {
    const libraries = await jars();
    const folder = await mkdtemp(join(tmpdir(), 'streams-broker-'));
    const port = await freePort();
    const config = join(folder, 'server.properties');
    await writeFile(config, properties(port, await freePort(), join(folder, 'logs')));
    const clusterId = `A${randomBytes(16).toString('base64url').slice(0, 21)}`;
    await run('java', [
      '-cp',
      `${libraries}/*`,
      'kafka.tools.StorageTool',
      'format',
      `--cluster-id=${clusterId}`,
      '-c',
      config,
    ]);
    const broker = new KafkaBroker(folder, libraries, port);
    await broker.boot();
    return broker;
  }

  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  get brokers(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** kill -9: what was not yet flushed to disk is left to the operating system, as after a real crash of the process. */
  async kill(): Promise<void> {
    const { guard, pid } = this;
    this.guard = undefined;
    this.pid = undefined;
    if (guard === undefined || pid === undefined) return;
    const gone = guard.exitCode === null ? once(guard, 'exit') : undefined;
    process.kill(pid, 'SIGKILL');
    guard.stdin?.end();
    await gone;
  }

  /** Starts again on the same port and folder after `kill`. */
  async restart(): Promise<void> {
    await this.kill();
    await this.boot();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async boot(): Promise<void> {
    this.output = '';
    // The guard ends the broker when its standard input closes, which the system does for a parent that died in any way.
    const script = 'java "$@" & broker=$!; echo "pid $broker"; cat > /dev/null; kill -9 $broker 2> /dev/null; wait';
    const java = [
      '-Xmx1g',
      '-Xms256m',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-Dorg.slf4j.simpleLogger.log.kafka.coordinator.transaction.TransactionMarkerChannelManager=info',
      '-cp',
      `${this.libraries}/*`,
      'kafka.Kafka',
      join(this.folder, 'server.properties'),
    ];
    const guard = spawn('bash', ['-c', script, 'broker', ...java], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.guard = guard;
    guard.stdin.on('error', () => {});
    const keep = (chunk: Buffer): void => {
      if (chunk.includes("Couldn't find leader endpoint")) this.hasDroppedMarkers = true;
      // The last words of a killed broker must not pass for those of its successor.
      if (this.guard !== guard) return;
      this.output = (this.output + chunk.toString()).slice(-10_000);
      this.pid ??= Number(/^pid (\d+)/m.exec(this.output)?.[1]) || undefined;
    };
    guard.stdout.on('data', keep);
    guard.stderr.on('data', keep);
    const end = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      if (guard.exitCode !== null || Date.now() > end) throw new Error(`the broker did not start:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
