import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import { EmbeddedBroker } from '../../libs/streams/src/log/embedded/embedded-broker.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { delay, type Clock } from '../../libs/streams/src/time/clock.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { temporaryFolder } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { APPLICATION } from './application.js';
import { FAULT_KINDS, FAULTS, type FaultKind } from './faults.js';
import { violations } from './invariants.js';
import { CHANGELOG, DELETIONS_KEPT_MS, Outages } from './outages.js';
import { ledgerTopology, type Entry, type Ledger } from './ledger-topology.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedMachine } from './simulated-machine.js';
import { SimulatedNetwork } from './simulated-network.js';
import { SimulationClock } from './simulation-clock.js';

const FAULTY_MS = 40_000;
const HEALED_WITHIN_MS = 300_000;

export interface SimulationResult {
  readonly seed: number;
  readonly guarantee: 'exactly_once' | 'at_least_once';
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly violations: readonly string[];
  readonly entries: number;
  readonly queries: number;
  readonly virtualMs: number;
  readonly trace: readonly string[];
  /** Of the whole trace: two runs of one seed have the same. */
  readonly traceHash: string;
}

/** Runs the world that the seed decides: some time with faults, then until everything is healed and processed. */
export async function simulate(seed: number, kinds: readonly FaultKind[] = FAULT_KINDS): Promise<SimulationResult> {
  const world = new World(seed, kinds);
  try {
    await world.run();
  } catch (error) {
    world.violated(String((error as Error).stack ?? error));
  }
  await world.close().catch((error: unknown) => world.violated(`the end: ${String(error)}`));
  return world.result();
}

export class World {
  readonly clock = new SimulationClock();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly broker = new EmbeddedBroker({ clock: this.clock });
  readonly machines: SimulatedMachine[] = [];
  readonly observer: Log = new WireLog({
    kind: 'embedded',
    wires: this.broker.client('observer').wires,
    clock: this.clock,
  });
  readonly outages = new Outages(this);
  /** The changelog keeps deletions for longer than anybody is away. */
  readonly keepsDeletions: boolean;
  isHealing = false;
  /** So many of the next records keep their handlers busy for `slowMs`. */
  slowRecords = 0;
  slowMs = 0;
  private readonly guarantee: 'exactly_once' | 'at_least_once';
  readonly partitions: number;
  private readonly folders: string[] = [];
  private readonly entries: Entry[] = [];
  private readonly seen: Ledger[] = [];
  private readonly trace: string[] = [];
  private readonly faults = new Map<FaultKind, number>();
  private readonly problems: string[] = [];
  private readonly offsets = new Map<number, number>();
  private attempts = 0;
  private isDone = false;

  constructor(
    private readonly seed: number,
    private readonly kinds: readonly FaultKind[],
  ) {
    this.random = new SeededRandom(seed);
    this.network = new SimulatedNetwork(this.clock, this.random);
    this.guarantee = this.random.chance(0.75) ? 'exactly_once' : 'at_least_once';
    this.partitions = this.random.between(2, 6);
    this.keepsDeletions = this.random.chance(0.5);
  }

  say(event: string): void {
    let text = event;
    for (const folder of this.folders) text = text.replaceAll(folder, '<state>');
    this.trace.push(`${String(this.clock.monotonic()).padStart(7)} ${text}`);
  }

  violated(what: string): void {
    this.problems.push(what);
    this.say(`VIOLATED ${what}`);
  }

  async run(): Promise<void> {
    const topics = ['in', 'out'].map((name) => ({ name, partitions: this.partitions }));
    await this.clock.settle(this.observer.admin.createTopics(topics), 'making the topics');
    const config = {
      'cleanup.policy': 'compact',
      'retention.ms': '-1',
      'delete.retention.ms': String(DELETIONS_KEPT_MS),
    };
    const changelog = { name: CHANGELOG, partitions: this.partitions, config };
    if (!this.keepsDeletions)
      await this.clock.settle(this.observer.admin.createTopics([changelog]), 'making the changelog');
    const isStatic = this.random.chance(0.5);
    const count = this.random.between(1, 4);
    for (let i = 0; i < count; i++) this.addMachine(`m${i}`, isStatic);
    this.say(`${this.guarantee}, ${this.partitions} partitions, ${count} ${isStatic ? 'static' : 'dynamic'} members`);
    for (const machine of this.machines) this.clock.schedule(this.random.between(0, 2000), () => this.ensure(machine));
    this.repeat(20, 300, () => this.produce());
    this.repeat(50, 500, () => this.query());
    this.repeat(1000, 1000, () => this.watchOffsets());
    this.repeat(500, 4000, () => this.inject());
    this.repeat(1000, 3000, () => this.supervise());
    await this.clock.until(() => false, FAULTY_MS);
    this.isHealing = true;
    this.say('healing');
    this.network.heal();
    this.slowRecords = 0;
    for (const { disk } of this.machines) disk.heal();
    for (const machine of this.machines) {
      machine.thaw();
      machine.setClockOff(0);
    }
    let isCaughtUp = false;
    const check = async (): Promise<void> => {
      isCaughtUp = await this.isCaughtUp();
      if (!isCaughtUp && !this.isDone) this.clock.schedule(500, () => void check());
    };
    void check();
    if (!(await this.clock.until(() => isCaughtUp, HEALED_WITHIN_MS))) {
      for (const { name, instance } of this.machines)
        this.say(`${name} ${instance?.state} ${JSON.stringify(instance?.tasks())}`);
      this.violated(`not everything is processed ${HEALED_WITHIN_MS} ms after the last fault`);
    }
    this.isDone = true;
    await this.judge();
    if (this.outages.losesChangelog && this.problems.length === 0) await this.outages.loseChangelog();
  }

  async close(): Promise<void> {
    this.isDone = true;
    try {
      await this.clock.settle(Promise.all(this.machines.map((machine) => machine.stop())), 'the stop');
    } finally {
      for (const machine of this.machines) machine.crash();
      await this.clock.settle(this.observer.close(), 'closing the observer');
      await this.broker.close();
      for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
    }
    await this.clock.until(() => false, 60_000);
    if (this.clock.pendingTimers > 0) this.violated(`${this.clock.pendingTimers} timers are left at the end`);
  }

  result(): SimulationResult {
    const traceHash = createHash('sha256').update(this.trace.join('\n')).digest('hex').slice(0, 16);
    const { seed, guarantee, faults, problems, trace, entries, seen } = this;
    const virtualMs = this.clock.monotonic();
    return {
      seed,
      guarantee,
      faults,
      violations: problems,
      entries: entries.length,
      queries: seen.length,
      virtualMs,
      trace,
      traceHash,
    };
  }

  ensure(machine: SimulatedMachine): void {
    if (this.isDone || machine.instance !== undefined || !this.outages.mayStart(machine)) return;
    this.say(`${machine.name} starts`);
    machine.start();
  }

  private addMachine(name: string, isStatic: boolean): void {
    const stateDir = temporaryFolder();
    this.folders.push(stateDir);
    this.machines.push(
      new SimulatedMachine({
        name,
        applicationId: APPLICATION,
        stateDir,
        isStatic,
        processingGuarantee: this.guarantee,
        topology: (clock) =>
          ledgerTopology(
            APPLICATION,
            () => ++this.attempts,
            () => this.pause(clock),
          ),
        broker: this.broker,
        network: this.network,
        clock: this.clock,
        trace: (event) => this.say(event),
      }),
    );
  }

  private pause(clock: Clock): Promise<void> | undefined {
    if (this.slowRecords <= 0) return undefined;
    this.slowRecords--;
    return delay(clock, this.slowMs);
  }

  private repeat(leastMs: number, mostMs: number, action: () => unknown): void {
    this.clock.schedule(this.random.between(leastMs, mostMs), () => {
      if (this.isDone) return;
      void Promise.resolve(action()).catch((error: unknown) => this.violated(String(error)));
      this.repeat(leastMs, mostMs, action);
    });
  }

  private async produce(): Promise<void> {
    if (this.isHealing) return;
    const producer = this.observer.openProducer({ role: 'input' });
    for (let i = this.random.between(1, 6); i > 0; i--) {
      const entry = {
        id: this.entries.length,
        account: `a${this.random.between(0, 9)}`,
        amount: this.random.between(1, 9),
        ...(this.random.chance(0.1) ? { closes: true } : {}),
      };
      this.entries.push(entry);
      const key = Buffer.from(entry.account);
      producer.append(
        'in',
        partitionForKey(key, this.partitions),
        key,
        Buffer.from(JSON.stringify(entry)),
        this.clock.now(),
      );
    }
    await producer.flush();
    await producer.close();
  }

  private async query(): Promise<void> {
    const { instance } = this.random.pick(this.machines);
    const key = Buffer.from(`a${this.random.between(0, 9)}`);
    const store = instance?.queryableStore('ledgers');
    const bytes = await store?.local(store.partitionOf(key))?.view?.get(key);
    if (bytes !== undefined) this.seen.push(JSON.parse(Buffer.from(bytes).toString()) as Ledger);
  }

  private inject(): void {
    if (this.isHealing) return;
    const kind = this.random.pick(this.kinds);
    const what = FAULTS[kind](this);
    if (what === undefined) return;
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.say(`FAULT ${kind} ${what}`);
  }

  /** Starts again what failed or died, as an orchestrator does. */
  private supervise(): void {
    this.machines.forEach((machine, i) => {
      if (machine.instance?.state === 'failed') machine.crash();
      // Each at a time of its own: the file calls of two starts would race.
      if (this.isHealing || this.random.chance(0.5)) this.clock.schedule(1 + i, () => this.ensure(machine));
    });
  }

  get inputs(): { topic: string; partition: number }[] {
    return Array.from({ length: this.partitions }, (_, partition) => ({ topic: 'in', partition }));
  }

  private async watchOffsets(): Promise<void> {
    const committed = await this.observer.admin.committedOffsets(APPLICATION, this.inputs);
    if (this.outages.areOffsetsUnsound) return;
    for (const { partition, offset } of committed) {
      const before = this.offsets.get(partition) ?? -1;
      if (offset < before)
        this.violated(`the committed offset of in-${partition} went back from ${before} to ${offset}`);
      this.offsets.set(partition, Math.max(before, offset));
    }
  }

  private async isCaughtUp(): Promise<boolean> {
    if (this.outages.areOffsetsUnsound || !this.machines.every(({ isRunning }) => isRunning)) return false;
    const committed = await this.observer.admin.committedOffsets(APPLICATION, this.inputs);
    const ends = await this.observer.admin.endOffsets(this.inputs, 'read_committed');
    // One that was frozen serves what it had until it hears that it lost it.
    const tasks = this.machines.flatMap(({ instance }) => instance!.tasks().map(({ taskId }) => taskId));
    if (tasks.length !== this.partitions || new Set(tasks).size !== this.partitions) return false;
    const lags = this.machines.flatMap(({ instance }) => instance!.sourceLag());
    return (
      committed.every(({ offset }, i) => Math.max(0, offset) === ends[i]!.offset) &&
      lags.length >= ends.filter(({ offset }) => offset > 0).length &&
      lags.every(({ lag }) => lag === 0)
    );
  }

  private async judge(): Promise<void> {
    const read = (topic: string) => this.clock.settle(committedRecords(this.observer, topic), `reading ${topic}`);
    const changelog = new Map<string, Ledger>();
    for (const { key, value } of await read(CHANGELOG))
      if (value === null) changelog.delete(key!);
      else changelog.set(key!, JSON.parse(value) as Ledger);
    const outputs = (await read('out')).map(({ key, value }) => ({
      account: key!,
      ledger: JSON.parse(value!) as Ledger,
    }));
    const stored = new Map<string, Ledger>();
    for (const { instance } of this.machines) {
      const store = instance?.queryableStore('ledgers');
      for (let partition = 0; partition < this.partitions; partition++) {
        const cursor = store?.local(partition)?.view?.openCursor({}, { reverse: false });
        const found = await cursor?.next(1000);
        found?.keys.forEach((key, i) =>
          stored.set(Buffer.from(key).toString(), JSON.parse(Buffer.from(found.values[i]!).toString()) as Ledger),
        );
        await cursor?.close();
      }
    }
    const { guarantee, entries, seen } = this;
    for (const what of violations({ guarantee, entries, stored, changelog, outputs, seen })) this.violated(what);
  }
}
