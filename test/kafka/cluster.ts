import kafkajs from 'kafkajs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { newClusterId } from './broker.js';
import { BrokerProcess, freePort } from './broker-process.js';
import { formatStorage, kafkaJars } from './kafka-jars.js';

const run = promisify(execFile);
const INTERNAL_TOPICS = ['__consumer_offsets', '__transaction_state'];
const HEALTH_TIMEOUT_MS = 120_000;
const PROBE_TIMEOUT_MS = 3000;
/** A broker that was just lost may count as in sync for a moment, so one look is not enough. */
const HEALTHY_LOOKS = 3;

interface Ports {
  readonly client: number;
  readonly controller: number;
}

const properties = (node: number, ports: readonly Ports[], logs: string): string => `process.roles=broker,controller
node.id=${node}
controller.quorum.voters=${ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(',')}
listeners=PLAINTEXT://127.0.0.1:${ports[node - 1].client},CONTROLLER://127.0.0.1:${ports[node - 1].controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${ports[node - 1].client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${logs}
default.replication.factor=${ports.length}
min.insync.replicas=2
offsets.topic.replication.factor=${ports.length}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=${ports.length}
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
`;

const JAVA_OPTIONS = [
  '-Xmx320m',
  '-Xms128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.coordinator.transaction.TransactionMarkerChannelManager=info',
];

/**
 * Three real brokers that are controllers too; every topic has three replicas, two of which have to be in sync. One at a time can be lost
 * without losing records or the quorum.
 */
export class KafkaCluster {
  /** What the brokers wrote, for whoever has to find out why something did not go on. */
  readonly output: string[] = [];
  /** As `KafkaBroker.hasDroppedMarkers`: with a leader for every partition this is not expected. */
  hasDroppedMarkers = false;
  private readonly processes: readonly BrokerProcess[];

  private constructor(
    private readonly folder: string,
    private readonly ports: readonly Ports[],
    private readonly jars: string,
  ) {
    this.processes = ports.map(
      ({ client }, i) =>
        new BrokerProcess({
          jars,
          config: join(folder, `${i + 1}.properties`),
          port: client,
          javaOptions: JAVA_OPTIONS,
          onOutput: (chunk) => {
            if (chunk.includes("Couldn't find leader endpoint")) this.hasDroppedMarkers = true;
            this.output.push(`${new Date().toISOString()} broker ${i + 1}: ${chunk.toString().trimEnd()}`);
          },
        }),
    );
  }

  /** @throws Error with the brokers' own output if they do not form a cluster in time. */
  static async start(size = 3): Promise<KafkaCluster> {
    const jars = await kafkaJars();
    const folder = await mkdtemp(join(tmpdir(), 'streams-cluster-'));
    const ports: Ports[] = [];
    for (let i = 0; i < size; i++) ports.push({ client: await freePort(), controller: await freePort() });
    const clusterId = newClusterId();
    const cluster = new KafkaCluster(folder, ports, jars);
    try {
      await Promise.all(
        cluster.nodes.map(async (node) => {
          const config = join(folder, `${node}.properties`);
          await writeFile(config, properties(node, ports, join(folder, `logs-${node}`)));
          await formatStorage(jars, config, clusterId);
        }),
      );
      await Promise.all(cluster.processes.map((process) => process.boot()));
      await cluster.healthy([]);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** Node ids, from 1. */
  get nodes(): readonly number[] {
    return this.ports.map((_, i) => i + 1);
  }

  /** `host:port,...`, as `KAFKA_BROKERS` wants it. */
  get brokers(): string {
    return this.ports.map(({ client }) => `127.0.0.1:${client}`).join(',');
  }

  broker(node: number): BrokerProcess {
    return this.processes[node - 1];
  }

  /** What each client may produce to a broker in a second. Undefined: without limit. */
  async limitProducers(bytesPerSecond: number | undefined): Promise<void> {
    const change =
      bytesPerSecond === undefined
        ? ['--delete-config', 'producer_byte_rate']
        : ['--add-config', `producer_byte_rate=${bytesPerSecond}`];
    const config = ['kafka.admin.ConfigCommand', '--bootstrap-server', this.brokers, '--alter', '--client-defaults'];
    await run('java', ['-XX:TieredStopAtLevel=1', '-cp', `${this.jars}/*`, ...config, ...change]);
  }

  /** Settles once every replica of the topics, and of the internal ones that exist, is in sync. @throws Error if that takes too long. */
  async healthy(topics: readonly string[]): Promise<void> {
    const end = Date.now() + HEALTH_TIMEOUT_MS;
    for (let looks = 0; looks < HEALTHY_LOOKS;) {
      const problem = await this.problem(topics).catch((error: unknown) => String(error));
      looks = problem === undefined ? looks + 1 : 0;
      if (Date.now() > end) throw new Error(`the cluster does not recover: ${problem}\n${this.output.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async problem(topics: readonly string[]): Promise<string | undefined> {
    const admin = new kafkajs.Kafka({
      brokers: this.brokers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
      connectionTimeout: PROBE_TIMEOUT_MS,
      requestTimeout: PROBE_TIMEOUT_MS,
      retry: { retries: 2, initialRetryTime: 100 },
    }).admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      if (brokers.length < this.ports.length) return `${brokers.length} brokers of ${this.ports.length}`;
      const existing = new Set(await admin.listTopics());
      const asked = [...topics, ...INTERNAL_TOPICS].filter((topic) => existing.has(topic));
      const found = asked.length === 0 ? [] : (await admin.fetchTopicMetadata({ topics: asked })).topics;
      for (const { name, partitions } of found) {
        for (const { partitionId, replicas, isr, leader } of partitions) {
          if (leader < 0 || isr.length < replicas.length)
            return `${name}-${partitionId} has the leader ${leader} and in sync ${isr.join(', ')}`;
        }
      }
      return undefined;
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}
