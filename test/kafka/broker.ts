import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerProcess, freePort } from './broker-process.js';
import { formatStorage, kafkaJars } from './kafka-jars.js';

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

const JAVA_OPTIONS = [
  '-Xmx1g',
  '-Xms256m',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.coordinator.transaction.TransactionMarkerChannelManager=info',
];

/** A real single-node Kafka broker in a folder and on ports of its own. It dies with the process that started it, however that ends. */
export class KafkaBroker {
  /**
   * The broker said that it left transactions without their markers. Kafka 4.3.1 does that while its partitions have no leader, which is so for a moment
   * after the crash of a cluster's only broker: what was decided then is never shown to read_committed readers, and no client can mend it.
   */
  hasDroppedMarkers = false;
  private readonly process: BrokerProcess;

  private constructor(
    private readonly folder: string,
    jars: string,
    private readonly port: number,
    furtherJavaOptions: readonly string[],
  ) {
    this.process = new BrokerProcess({
      jars,
      config: join(folder, 'server.properties'),
      port,
      javaOptions: [...JAVA_OPTIONS, ...furtherJavaOptions],
      onOutput: (chunk) => {
        if (chunk.includes("Couldn't find leader endpoint")) this.hasDroppedMarkers = true;
      },
    });
  }

  /** @throws Error with the broker's own output if it does not accept connections in time. */
  static async start(furtherJavaOptions: readonly string[] = []): Promise<KafkaBroker> {
    const jars = await kafkaJars();
    const folder = await mkdtemp(join(tmpdir(), 'streams-broker-'));
    const port = await freePort();
    const config = join(folder, 'server.properties');
    await writeFile(config, properties(port, await freePort(), join(folder, 'logs')));
    await formatStorage(jars, config, newClusterId());
    const broker = new KafkaBroker(folder, jars, port, furtherJavaOptions);
    await broker.process.boot();
    return broker;
  }

  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  get brokers(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** kill -9: what was not yet flushed to disk is left to the operating system, as after a real crash of the process. */
  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Starts again on the same port and folder after `kill`. */
  async restart(): Promise<void> {
    await this.kill();
    await this.process.boot();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** 22 characters, not beginning with '-'. */
export function newClusterId(): string {
  return `A${randomBytes(16).toString('base64url').slice(0, 21)}`;
}
