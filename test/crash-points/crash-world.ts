import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedBroker } from '../../libs/streams/src/log/embedded/embedded-broker.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { memoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import { rocksDbEngine } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-engine-factory.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankInstance, produce, temporaryFolder, type BankTopics, type Transaction } from '../support/bank.js';
import { committedRecords, type CommittedRecord } from '../support/committed-records.js';
import { DoomedProcess, type CrashPoint } from './doomed-process.js';

export const PARTITIONS = 2;

export interface CrashWorldOptions {
  readonly processingGuarantee: 'exactly_once' | 'at_least_once';
  readonly engine: 'memory' | 'rocksdb';
}

/** One broker and one state directory that outlive the processes of one application, which come one after the other. */
export class CrashWorld {
  readonly topics: BankTopics = { applicationId: 'bank', input: 'in', output: 'out' };
  private readonly broker = new EmbeddedBroker({ clock: new SystemClock() });
  private readonly stateDir = temporaryFolder();
  private readonly observer: Log = new WireLog({
    kind: 'embedded',
    wires: this.broker.wires,
    clock: new SystemClock(),
  });
  private instance: StreamsInstance | undefined;
  process = new DoomedProcess();

  constructor(private readonly options: CrashWorldOptions) {}

  async prepare(): Promise<void> {
    await this.observer.connect();
    const names = [this.topics.input, this.topics.output];
    await this.observer.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS })));
  }

  produce(transactions: readonly Transaction[]): Promise<void> {
    return produce(this.observer, this.topics.input, PARTITIONS, transactions);
  }

  /** Starts a process; settles when it runs, or when it died on the way. */
  async start(crashAt?: CrashPoint): Promise<void> {
    const doomed = new DoomedProcess(crashAt);
    this.process = doomed;
    const log = new WireLog({ kind: 'embedded', wires: doomed.wires(this.broker.wires), clock: new SystemClock() });
    const { processingGuarantee, engine } = this.options;
    const instance = bankInstance(this.topics, log, {
      // Static, so that the next process takes its place at once.
      instanceId: 'one',
      processingGuarantee,
      engine,
      engines: [doomed.engine(engine === 'memory' ? memoryEngine() : rocksDbEngine())],
      stateDir: this.stateDir,
      commitInterval: 5,
    });
    this.instance = instance;
    await Promise.race([doomed.death, instance.start().then(() => instance.whenRunning())]);
  }

  /** Stops the process in good order, unless it dies on the way. */
  async stop(): Promise<void> {
    await Promise.race([this.process.death, this.instance!.close()]);
  }

  /** Leaves of the process what the machine keeps: its files, without its lock, which names a process that is gone. */
  async bury(): Promise<void> {
    this.process.die();
    await this.process.buryEngines();
    rmSync(join(this.stateDir, this.topics.applicationId, '.lock'), { force: true });
  }

  /** Settles when everything that was produced is processed and committed, or when the process died. */
  async settled(): Promise<void> {
    while (!this.process.isDead && !(await this.isDone())) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Committed source offsets stand at the end of the input, and the stores have what they stand for. */
  async isDone(): Promise<boolean> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: this.topics.input, partition }));
    const [committed, ends] = await Promise.all([
      this.observer.admin.committedOffsets(this.topics.applicationId, partitions),
      this.observer.admin.endOffsets(partitions, 'read_committed'),
    ]);
    if (!committed.every(({ offset }, partition) => offset === ends[partition].offset)) return false;
    // Published after the stores were written.
    const lags = this.running.sourceLag();
    return this.running.state === 'running' && lags.length === PARTITIONS && lags.every(({ lag }) => lag === 0);
  }

  changelog(): Promise<CommittedRecord[]> {
    return committedRecords(this.observer, `${this.topics.applicationId}-balances-changelog`);
  }

  outputs(): Promise<CommittedRecord[]> {
    return committedRecords(this.observer, this.topics.output);
  }

  get running(): StreamsInstance {
    return this.instance!;
  }

  async close(): Promise<void> {
    await this.bury();
    await this.observer.close();
    await this.broker.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
