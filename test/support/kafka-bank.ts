import { rmSync } from 'node:fs';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankInstance, temporaryFolder, type BankOptions, type BankTopics } from './bank.js';

export const PARTITIONS = 4;

/** Topics of their own on a shared broker, and everything that was opened for them. */
export class KafkaBank {
  readonly topics: BankTopics;
  readonly changelog: string;
  readonly stateDir = temporaryFolder();
  private readonly releases: (() => Promise<unknown>)[] = [];

  private constructor(
    private readonly brokers: string,
    readonly log: Log,
  ) {
    const applicationId = `bank-${Math.random().toString(36).slice(2, 8)}`;
    this.topics = { applicationId, input: `${applicationId}-in`, output: `${applicationId}-out` };
    this.changelog = `${applicationId}-balances-changelog`;
  }

  static async open(brokers: string): Promise<KafkaBank> {
    const log = createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
    const bank = new KafkaBank(brokers, log);
    await log.connect();
    const names = [bank.topics.input, bank.topics.output];
    await log.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS })));
    return bank;
  }

  /** Starts an instance on this bank's state directory. */
  async start(options: BankOptions = {}): Promise<StreamsInstance> {
    const instance = this.instance(options);
    await instance.start();
    await instance.whenRunning();
    return instance;
  }

  instance(options: BankOptions = {}): StreamsInstance {
    const log = createKafkaLog({ brokers: this.brokers.split(',') }, { clock: new SystemClock() });
    const instance = bankInstance(this.topics, log, { stateDir: this.stateDir, ...options });
    this.releases.push(() => instance.close());
    return instance;
  }

  async close(): Promise<void> {
    for (const release of this.releases.reverse()) await release();
    await this.log.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
