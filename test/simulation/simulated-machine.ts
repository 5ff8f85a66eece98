import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfig } from '../../libs/streams/src/config/resolve-config.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import type { EmbeddedBroker } from '../../libs/streams/src/log/embedded/embedded-broker.js';
import { noMetrics } from '../../libs/streams/src/observability/streams-metrics.js';
import { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { saveInstanceFile } from '../../libs/streams/src/runtime/state-directory/instance-file.js';
import type { Topology } from '../../libs/streams/src/topology/topology.js';
import type { Clock } from '../../libs/streams/src/time/clock.js';
import { SimulatedDisk } from './simulated-disk.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { ProcessClock, type SimulationClock } from './simulation-clock.js';

export interface MachineOptions {
  readonly name: string;
  readonly applicationId: string;
  readonly stateDir: string;
  readonly isStatic: boolean;
  readonly processingGuarantee: 'exactly_once' | 'at_least_once';
  readonly topology: (clock: Clock) => Topology;
  readonly broker: EmbeddedBroker;
  readonly network: SimulatedNetwork;
  readonly clock: SimulationClock;
  readonly trace: (event: string) => void;
}

/** One machine: a disk that stays, and one process of the application after the other. */
export class SimulatedMachine {
  readonly disk = new SimulatedDisk();
  instance: StreamsInstance | undefined;
  isFrozen = false;
  private skewMs = 0;
  private clock: ProcessClock | undefined;

  constructor(private readonly options: MachineOptions) {
    const { stateDir, applicationId, name } = options;
    // The identity of a machine would be random otherwise, and assignments depend on it.
    saveInstanceFile(stateDir, applicationId, {
      processId: `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0')}`,
      generatedInstanceId: name,
      topology: undefined,
    });
  }

  get name(): string {
    return this.options.name;
  }

  get isRunning(): boolean {
    return this.instance?.state === 'running' && this.instance.tasks().every(({ state }) => state === 'running');
  }

  start(): void {
    const { name, applicationId, stateDir, isStatic, processingGuarantee, topology, broker, network, trace } =
      this.options;
    const clock = new ProcessClock(this.options.clock);
    clock.skewMs = this.skewMs;
    let isAlive = true;
    const log = new WireLog({ kind: 'embedded', wires: network.wires(broker.client(name), clock), clock });
    const config = resolveConfig(
      {
        applicationId,
        stateDir,
        processingGuarantee,
        commitInterval: 100,
        metadataMaxAge: '20s',
        stateCleanupDelay: '1d',
        ...(isStatic ? { instanceId: name } : {}),
      },
      { memoryLimitBytes: 2 ** 30, isProduction: false, instanceIdOf: () => name },
    );
    const engine = this.disk.engine(clock, () => isAlive);
    const say = (level: string) => (message: string, cause?: unknown) =>
      isAlive &&
      trace(
        `${name} ${level} ${message}${cause === undefined ? '' : ` (${cause instanceof Error ? cause.message : JSON.stringify(cause)})`}`,
      );
    const instance = new StreamsInstance({
      config,
      topology: topology(clock),
      log,
      engines: new Map([[engine.name, engine]]),
      clock,
      logger: { debug() {}, info: say('info'), warn: say('warn'), error: say('error') },
      metrics: noMetrics,
    });
    instance.onStateChange((state) => isAlive && trace(`${name} is ${state}`));
    this.clock = clock;
    this.instance = instance;
    this.end = () => {
      isAlive = false;
      clock.die();
    };
    void instance.start().catch(() => undefined);
  }

  /** Kills the process; the disk and what is on the way to the broker stay. */
  crash(): void {
    this.end();
    this.end = () => undefined;
    this.instance = undefined;
    this.isFrozen = false;
    rmSync(join(this.options.stateDir, this.options.applicationId, '.lock'), { force: true });
  }

  freeze(): void {
    this.isFrozen = true;
    this.clock?.freeze();
  }

  setClockOff(byMs: number): void {
    this.skewMs = byMs;
    if (this.clock !== undefined) this.clock.skewMs = byMs;
  }

  thaw(): void {
    this.isFrozen = false;
    this.clock?.thaw();
  }

  /** Stops in good order. */
  async stop(): Promise<void> {
    const { instance } = this;
    await instance?.close();
    if (this.instance === instance) this.crash();
  }

  private end: () => void = () => undefined;
}
