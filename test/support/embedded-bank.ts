import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedBroker } from '../../libs/streams/src/log/embedded/embedded-broker.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankInstance, temporaryFolder, type BankOptions, type BankTopics } from './bank.js';

/** A bank on an in-process broker of its own, for several instances. */
export class EmbeddedBank {
  readonly topics: BankTopics = { applicationId: 'bank', input: 'in', output: 'out' };
  readonly changelog = 'bank-balances-changelog';
  readonly broker = new EmbeddedBroker({ clock: new SystemClock() });
  readonly log: Log = this.openLog();
  private readonly folders: string[] = [];
  private readonly instances: StreamsInstance[] = [];

  private constructor(readonly partitions: number) {}

  static async open(partitions = 4): Promise<EmbeddedBank> {
    const bank = new EmbeddedBank(partitions);
    await bank.log.connect();
    const names = [bank.topics.input, bank.topics.output];
    await bank.log.admin.createTopics(names.map((name) => ({ name, partitions })));
    return bank;
  }

  folder(): string {
    const folder = temporaryFolder();
    this.folders.push(folder);
    return folder;
  }

  instance(options: BankOptions = {}): StreamsInstance {
    const instance = bankInstance(this.topics, this.openLog(), { stateDir: this.folder(), ...options });
    this.instances.push(instance);
    return instance;
  }

  async start(options: BankOptions = {}): Promise<StreamsInstance> {
    const instance = this.instance(options);
    await instance.start();
    await instance.whenRunning();
    return instance;
  }

  /** An instance that can be cut off from the broker, as by the end of its process; its folder is free then. */
  doomed(options: BankOptions): { readonly instance: StreamsInstance; readonly stateDir: string; halt(): void } {
    const client = this.broker.client('doomed');
    const stateDir = this.folder();
    const log = new WireLog({ kind: 'embedded', wires: client.wires, clock: new SystemClock() });
    const instance = bankInstance(this.topics, log, { stateDir, ...options });
    const halt = (): void => {
      client.halt();
      rmSync(join(stateDir, this.topics.applicationId, '.lock'));
    };
    return { instance, stateDir, halt };
  }

  get outputPartitions(): { topic: string; partition: number }[] {
    return Array.from({ length: this.partitions }, (_, partition) => ({ topic: this.topics.output, partition }));
  }

  async close(): Promise<void> {
    for (const instance of this.instances) await instance.close();
    await this.log.close();
    await this.broker.close();
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }

  openLog(): Log {
    return new WireLog({ kind: 'embedded', wires: this.broker.wires, clock: new SystemClock() });
  }
}
