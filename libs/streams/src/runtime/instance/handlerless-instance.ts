import { LogError } from '../../errors/log-error.js';
import { PauseScopeError } from '../../errors/pause-scope-error.js';
import type { Log } from '../../log/log.js';
import { lastingAbort } from '../../time/lasting-abort.js';
import type { Topology } from '../../topology/topology.js';
import { connectLog } from '../connect-log.js';
import type { InstanceState, Membership } from '../instance-status.js';
import { orAborted } from '../retry.js';
import { StateMachine } from '../state-machine.js';
import type { StreamsRuntime } from '../streams-runtime.js';
import type { StreamsInstanceOptions } from './instance-parts.js';
import { INSTANCE_TRANSITIONS } from './instance-state.js';
import { notifyListener, type InstanceStateListener } from './state-listener.js';
import { reportInstanceState } from './status-report.js';

/**
 * The instance of an application without handlers, which only produces records or administers topics. It connects to the log, and neither joins
 * the consumer group nor takes a state directory.
 */
export class HandlerlessInstance implements StreamsRuntime {
  failure: Error | undefined;
  readonly courtesy = undefined;
  private readonly machine: StateMachine<InstanceState>;
  private readonly stopping = lastingAbort();
  private starting: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: StreamsInstanceOptions) {
    this.machine = new StateMachine<InstanceState>(`Instance ${this.instanceId}`, INSTANCE_TRANSITIONS, 'created');
    this.machine.onTransition((state) => reportInstanceState(options.metrics, state));
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

  onReadableChange(): () => void {
    return () => undefined;
  }

  start(): Promise<void> {
    this.starting ??= this.doStart();
    return this.starting;
  }

  async handOver(): Promise<void> {
    await this.endStart();
  }

  stopIntake(): void {
    return;
  }

  async drain(): Promise<void> {
    if (this.machine.can('stopping')) this.machine.transition('stopping');
    await this.endStart();
  }

  close(): Promise<void> {
    this.closing ??= this.doClose();
    return this.closing;
  }

  async whenRunning(): Promise<void> {
    await this.machine.waitFor(['running'], { refuse: () => this.refusal() });
  }

  pause(): Promise<void> {
    return Promise.reject(new PauseScopeError('handler', []));
  }

  resume(): Promise<void> {
    return this.pause();
  }

  pauses(): [] {
    return [];
  }

  tasks(): [] {
    return [];
  }

  standbys(): [] {
    return [];
  }

  queryableStore(): undefined {
    return undefined;
  }

  queryableStores(): [] {
    return [];
  }

  membership(): Membership {
    return { epoch: -1, doubtMs: Infinity };
  }

  instances(): ReadonlyMap<string, string | undefined> {
    return new Map();
  }

  openLog(): Promise<Log> {
    return Promise.resolve(this.options.log);
  }

  get batchMaxBytes(): number {
    return this.options.config.memory.batchMaxBytes;
  }

  sourceLag(): [] {
    return [];
  }

  private async doStart(): Promise<void> {
    const { machine } = this;
    const { log, logger, config } = this.options;
    if (!machine.is('created')) throw this.refusal() ?? new Error(`The instance is ${this.state}.`);
    machine.transition('starting');
    try {
      await orAborted(this.stopping.signal, connectLog(log));
    } catch (error) {
      if (!machine.is('starting')) throw this.refusal() ?? error;
      this.failure = error as Error;
      machine.transition('failed');
      await log.close();
      throw error;
    }
    if (!machine.can('running')) throw this.refusal()!;
    machine.transition('running');
    logger.info(
      `The application "${config.applicationId}" has no @StreamHandler in this process: it reads no topic and joins no group.`,
    );
  }

  /** Cuts short a start that is under way. */
  private async endStart(): Promise<void> {
    if (this.machine.is('starting')) this.machine.transition('stopping');
    this.stopping.abort(stopped());
    await this.starting?.catch(() => undefined);
  }

  private async doClose(): Promise<void> {
    await this.drain();
    await this.options.log.close();
    this.machine.transition('stopped');
  }

  private refusal(): Error | undefined {
    return this.failure ?? (this.machine.is('stopping', 'stopped') ? stopped() : undefined);
  }
}

function stopped(): LogError {
  return new LogError('retriable', 'LOG_CLOSED', 'The instance was stopped.');
}
