import { LogError } from '../../errors/log-error.js';
import type { Log, TopicPartition } from '../../log/log.js';
import type { TaskId } from '../../topology/processor.js';
import type { Topology } from '../../topology/topology.js';
import type { InstanceState, Membership, QueryableStore, TaskStatus } from '../instance-status.js';
import { Courtesy } from '../courtesy.js';
import { connectLog } from '../connect-log.js';
import { measurePausedEnds } from '../processing/paused-ends.js';
import { Pauses, type PauseScope } from '../processing/pauses.js';
import { orAborted } from '../retry.js';
import { StateDirectory } from '../state-directory/state-directory.js';
import { loadPauseFile, savePauseFile } from '../state-directory/pause-file.js';
import { ReadableChanges } from '../readable-changes.js';
import { StateMachine } from '../state-machine.js';
import type { StreamsRuntime } from '../streams-runtime.js';
import { ApplicationShutdownError } from '../../errors/application-shutdown-error.js';
import type { Task } from '../task/task.js';
import { knownChangelogs } from './changelog-watch.js';
import { Farewell, HAND_OVER_HEARTBEATS } from './farewell.js';
import { assembleParts, type InstanceParts, type StreamsInstanceOptions } from './instance-parts.js';
import { asFailure, tellOfFailure } from './instance-failure.js';
import { INSTANCE_TRANSITIONS } from './instance-state.js';
import { CLEANUP_EVERY_MS, Intervals, REPORT_EVERY_MS } from './intervals.js';
import { leaveGroup } from './leave-group.js';
import { sourceLag } from './source-lag.js';
import { membershipOf } from './membership.js';
import { deleteOldState } from './old-state.js';
import { StatusReport } from './status-report.js';
import { notifyListener, type InstanceStateListener } from './state-listener.js';
import { setUpTopics } from './topic-setup.js';
import { startWatches } from './watches.js';
import { lastingAbort } from '../../time/lasting-abort.js';

/** One running instance of an application. */
export class StreamsInstance implements StreamsRuntime {
  failure: Error | undefined;
  private readonly machine: StateMachine<InstanceState>;
  private readonly report: StatusReport;
  private readonly stopping = lastingAbort();
  private readonly intervals: Intervals;
  private parts: InstanceParts | undefined;
  private directory: StateDirectory | undefined;
  private storedTasks: readonly TaskId[] = [];
  private starting: Promise<void> | undefined;
  private readonly farewell: Farewell;
  private readonly paused: Pauses;
  private readonly readable = new ReadableChanges();
  readonly onReadableChange = this.readable.onChange.bind(this.readable);
  readonly courtesy: Courtesy;
  private isStarting = false;
  private isToldToStop = false;
  /** False after any failure, also one that a stop leaves without a consequence, and once nothing is waited for any more. */
  private isSound = true;
  private isCleaningUp = false;
  private leaving: Promise<void> | undefined;
  private draining: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private releasing: Promise<void> | undefined;

  constructor(private readonly options: StreamsInstanceOptions) {
    const name = `Instance ${options.config.instanceId}`;
    this.machine = new StateMachine<InstanceState>(name, INSTANCE_TRANSITIONS, 'created');
    this.report = new StatusReport(this, () => this.heldTasks(), options.metrics);
    const { clock, config, topology, logger } = options;
    const { stateDir, applicationId } = config;
    this.paused = new Pauses(
      topology,
      {
        load: () => loadPauseFile(stateDir, applicationId),
        save: (file) => savePauseFile(stateDir, applicationId, file),
      },
      logger,
    );
    this.intervals = new Intervals(clock);
    this.courtesy = new Courtesy(config.sliceMs, clock);
    this.farewell = new Farewell(clock, HAND_OVER_HEARTBEATS * config.group.heartbeatIntervalMs);
    this.machine.onTransition(() => this.onTasksChanged());
  }

  get applicationId(): string {
    return this.options.config.applicationId;
  }

  get instanceId(): string {
    return this.options.config.instanceId;
  }

  get topology(): Topology {
    return this.options.topology;
  }

  get state(): InstanceState {
    return this.machine.state;
  }

  onStateChange(listener: InstanceStateListener): () => void {
    return this.machine.onTransition((to, from) => notifyListener(listener, to, from, this.options.logger));
  }

  start(): Promise<void> {
    this.starting ??= this.doStart().finally(() => (this.isStarting = false));
    return this.starting;
  }

  stopIntake(): void {
    this.parts?.loop.stopIntake();
  }

  handOver(): Promise<void> {
    this.leaving ??= this.doHandOver();
    return this.leaving;
  }

  drain(): Promise<void> {
    this.draining ??= this.doDrain();
    return this.draining;
  }

  close(): Promise<void> {
    this.closing ??= this.doClose();
    return this.closing;
  }

  async whenRunning(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        const refusal = this.refusal();
        const areRunning = this.tasks().every(({ state }) => state === 'running');
        if (refusal === undefined && !(this.state === 'running' && areRunning)) return;
        remove();
        return refusal ? reject(refusal) : resolve();
      };
      const remove = this.readable.onChange(check);
      check();
    });
  }

  pause(scope?: PauseScope): Promise<void> {
    return this.setPaused(scope, true);
  }

  resume(scope?: PauseScope): Promise<void> {
    return this.setPaused(scope, false);
  }

  pauses(): readonly ('instance' | PauseScope)[] {
    return this.paused.all;
  }

  tasks(): readonly TaskStatus[] {
    return this.parts?.tasks.all.map((task) => task.status()) ?? [];
  }

  standbys(): readonly TaskStatus[] {
    return this.parts?.tasks.standbys.map((task) => task.status()) ?? [];
  }

  queryableStore(name: string): QueryableStore | undefined {
    return this.parts?.stores.get(name);
  }

  queryableStores(): readonly QueryableStore[] {
    return [...(this.parts?.stores.values() ?? [])];
  }

  membership(): Membership {
    return membershipOf(this.parts, this.options);
  }

  instances(): ReadonlyMap<string, string | undefined> {
    return this.parts?.owners.instances ?? new Map();
  }

  get batchMaxBytes(): number {
    return this.options.config.memory.batchMaxBytes;
  }

  openLog(): Promise<Log> {
    return Promise.resolve(this.options.log);
  }

  sourceLag(): readonly (TopicPartition & { readonly lag: number })[] {
    return sourceLag(this.parts?.tasks.all ?? []);
  }

  private async setPaused(scope: PauseScope | undefined, isPaused: boolean): Promise<void> {
    this.paused.set(scope, isPaused);
    await this.parts?.loop.exclusive(async () => this.paused.applyTo(this.heldTasks()));
  }

  private heldTasks(): Task[] {
    return this.parts === undefined ? [] : [...this.parts.tasks.all, ...this.parts.tasks.standbys];
  }

  private async doStart(): Promise<void> {
    if (!this.machine.is('created')) throw this.refusal() ?? new Error(`The instance is ${this.state}.`);
    this.machine.transition('starting');
    this.isStarting = true;
    try {
      await this.bringUp();
    } catch (error) {
      // The stop releases what the start has opened.
      if (this.machine.is('stopping', 'stopped')) throw this.refusal() ?? error;
      const failure = this.fail(error);
      await this.release();
      throw failure;
    }
  }

  /** Cuts short a start that is under way, which has nothing to commit. */
  private async endStart(): Promise<void> {
    const isCut = this.isStarting && this.machine.can('stopping');
    if (isCut) this.machine.transition('stopping');
    if (isCut) this.endWaits();
    await this.starting?.catch(() => undefined);
  }

  private async bringUp(): Promise<void> {
    const { config, topology, log, engines, logger } = this.options;
    const { signal } = this.stopping;
    for (const name of new Set(topology.stores.map(({ engine }) => engine))) await engines.get(name)?.prepare();
    this.directory = StateDirectory.open(config.stateDir, config.applicationId);
    await this.directory.beginWith(log.isVolatile === true);
    await this.directory.adopt(topology);
    this.paused.open();
    this.storedTasks = await this.directory.storedTasks();
    await orAborted(signal, connectLog(log));
    const layout = await orAborted(signal, setUpTopics(topology, config, log.admin, logger, this.directory));
    const parts: InstanceParts = (this.parts = assembleParts(
      this.options,
      layout,
      knownChangelogs(this.options, layout, this.directory),
      this.directory,
      () => this.storedTasks,
      this.farewell,
      this.paused,
      this.courtesy,
      {
        onFailure: (error) => this.failed(error),
        onFatal: (error) => this.failed(error),
        onShutdownApplication: (reason) => {
          logger.error(`The application "${config.applicationId}" has to stop: ${reason}`);
          this.farewell.shutdownReason = reason;
        },
        onShutdown: (reason) => {
          this.isToldToStop = true;
          this.farewell.changed();
          // It stops already, and commits what it has done.
          if (this.machine.is('stopping')) return;
          this.failed(new ApplicationShutdownError(config.applicationId, reason));
        },
        onRebalance: (isOver) => this.onRebalance(isOver),
        onTasksChanged: () => this.onTasksChanged(),
        onReadableChange: (at) => this.readable.changed(at),
        mayCommit: () => this.failure === undefined && this.isSound,
        stopping: signal,
      },
    ));
    await orAborted(signal, parts.strategy.open());
    parts.loop.start();
    await orAborted(signal, parts.member.join());
    if (this.failure) throw this.failure;
    this.intervals.every(REPORT_EVERY_MS, () => {
      this.readable.changed();
      void measurePausedEnds(log.admin, parts.tasks.all).then(() => this.report.report());
    });
    startWatches(parts, this.options, this.intervals, (error) => this.failed(error));
    this.intervals.every(Math.min(CLEANUP_EVERY_MS, config.stateCleanupDelayMs), () => void this.cleanUp());
  }

  /** The others learn at their next heartbeat that this instance leaves; until they do, it goes on. */
  private async doHandOver(): Promise<void> {
    await this.endStart();
    const { parts } = this;
    if ((parts?.tenures.live?.members ?? 0) < 2 || parts === undefined || parts.tasks.all.length === 0) return;
    this.farewell.isLeaving = true;
    await this.farewell.tell(
      parts.member,
      () => parts.tasks.all.length === 0 || this.machine.is('stopping', 'stopped', 'failed'),
    );
  }

  private async doDrain(): Promise<void> {
    await this.endStart();
    if (this.machine.is('stopped', 'failed')) return this.releasing;
    await this.handOver();
    if (this.machine.is('stopped', 'failed')) return this.releasing;
    if (this.machine.can('stopping')) this.machine.transition('stopping');
    this.stopIntake();
    await this.leaveGroup((error) => this.failed(error));
  }

  private async doClose(): Promise<void> {
    await this.drain();
    await this.release();
    if (!this.machine.is('stopped')) this.machine.transition('stopped');
    await this.report.report();
  }

  /** Gives back everything that was taken, in any state. */
  private release(): Promise<void> {
    this.releasing ??= this.doRelease();
    return this.releasing;
  }

  private async doRelease(): Promise<void> {
    const { parts, directory } = this;
    const { log, logger } = this.options;
    this.intervals.cancel();
    this.endWaits();
    const steps = [
      () => this.tellToStop(),
      () => this.leaveGroup((error) => logger.error('Leaving the group failed; the stop continues.', error)),
      () => parts?.loop.stop(),
      () => parts?.tasks.closeAll(),
      () => parts?.restorer.close(),
      () => parts?.follower.close(),
      () => parts?.reader.close(),
      () => parts?.strategy.close(),
      () => parts?.currency.close(),
      () => parts?.begun.close(),
      () => log.close(),
      () => directory?.release(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        logger.error('A step of the stop failed; the others go on.', error);
      }
    }
  }

  private async leaveGroup(onFailure: (error: unknown) => void): Promise<void> {
    if (this.parts !== undefined) await leaveGroup(this.parts, this.options, this.endWaits, onFailure);
  }

  private readonly endWaits = (): void => {
    this.isSound = false;
    this.stopping.abort(new LogError('retriable', 'LOG_CLOSED', 'The instance stops.'));
  };

  /** The policy `shutdownApplication` stops the others before this instance leaves the group. */
  private async tellToStop(): Promise<void> {
    const { parts, farewell } = this;
    if (farewell.shutdownReason === undefined || parts === undefined) return;
    if ((parts.tenures.live?.members ?? 0) > 1) await farewell.tell(parts.member, () => this.isToldToStop);
  }

  private failed(error: unknown): void {
    this.isSound = false;
    if (this.machine.is('stopping') && !this.stopping.signal.aborted)
      tellOfFailure(asFailure(error, this.instanceId), 'failed while it stopped', this.options);
    if (this.machine.is('stopping', 'stopped', 'failed')) return;
    const wasStarting = this.machine.is('starting');
    this.fail(error);
    // A failing start releases by itself. Elsewhere the loop or the member may be what called: they end first.
    if (!wasStarting) setImmediate(() => void this.release());
  }

  private fail(error: unknown): Error {
    if (this.failure !== undefined) return this.failure;
    const failure = asFailure(error, this.instanceId);
    this.failure = failure;
    tellOfFailure(failure, 'failed', this.options);
    if (this.machine.can('failed')) this.machine.transition('failed');
    void this.report.report();
    return failure;
  }

  private refusal(): Error | undefined {
    if (this.failure) return this.failure;
    return this.machine.is('stopping', 'stopped')
      ? new LogError('retriable', 'LOG_CLOSED', 'The instance was stopped.')
      : undefined;
  }

  private onRebalance(isOver: boolean): void {
    const next = isOver ? 'running' : 'rebalancing';
    if (this.state !== next && this.machine.can(next)) this.machine.transition(next);
    else this.onTasksChanged();
  }

  private onTasksChanged(): void {
    this.farewell.changed();
    this.readable.changed();
  }

  private async cleanUp(): Promise<void> {
    const { clock, config, logger } = this.options;
    const { directory, parts } = this;
    if (directory === undefined || parts === undefined || this.isCleaningUp) return;
    this.isCleaningUp = true;
    await deleteOldState(directory, parts, clock.now() - config.stateCleanupDelayMs, logger);
    this.isCleaningUp = false;
    this.storedTasks = await directory.storedTasks().catch(() => this.storedTasks);
  }
}
