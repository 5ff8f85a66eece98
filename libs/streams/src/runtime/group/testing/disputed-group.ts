import type { BadRecord } from '../../../config/bad-record-policy.js';
import { LogError } from '../../../errors/log-error.js';
import { StoreCorruptedError } from '../../../errors/store-corrupted-error.js';
import type { GroupListener } from '../../../log/group-member.js';
import type { PartitionReader } from '../../../log/partition-reader.js';
import type { LogProducer } from '../../../log/log-producer.js';
import { silentLogger } from '../../../observability/streams-logger.js';
import { noMetrics } from '../../../observability/streams-metrics.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import type { TaskId } from '../../../topology/processor.js';
import { decodeSubscription, encodeAssignment } from '../../assignment/user-data.js';
import { Committer } from '../../commit/committer.js';
import type { CommitStrategy } from '../../commit/commit-strategy.js';
import type { TaskCommit } from '../../commit/task-commit.js';
import { Courtesy } from '../../courtesy.js';
import { EngineFailure } from '../../engine-failure.js';
import { ErrorOrigins } from '../../error-origins.js';
import { ProcessingLoop, type ProcessingLoopOptions } from '../../processing/processing-loop.js';
import { Recovery } from '../../processing/recovery.js';
import type { TaskInput } from '../../processing/task-input.js';
import { UncaughtErrors } from '../../processing/uncaught-errors.js';
import { UncommittedLimit } from '../../processing/uncommitted-limit.js';
import { HalfDoneRecordError } from '../../records/half-done-record-error.js';
import type { OutputTopics } from '../../records/output-topics.js';
import type { SlowRecords } from '../../records/slow-records.js';
import { StateMachine } from '../../state-machine.js';
import { TASK_TRANSITIONS } from '../../task/task-state.js';
import { TaskManager, type TaskManagerOptions } from '../../task/task-manager.js';
import type { Task } from '../../task/task.js';
import { groupCallbacks, type GroupCallbacksOptions } from '../group-callbacks.js';
import { GroupSeal } from '../group-seal.js';
import { PartitionOwners } from '../partition-owners.js';
import type { Tenure } from '../tenure.js';
import { Tenures } from '../tenures.js';

export const TASKS: readonly TaskId[] = ['0_0', '0_1', '0_2'];

/** Longer than one `settle`, so that things happen before the user code has begun. */
const SET_UP_TURNS = 12;

/** What happens to the instance. Nothing waits for what went before, unless that holds everything up. */
export type Event =
  | { readonly kind: 'assign'; readonly tasks: readonly TaskId[]; readonly standbys: readonly TaskId[] }
  | { readonly kind: 'damage' | 'late'; readonly task: TaskId }
  | { readonly kind: 'commit'; readonly fails: boolean }
  | { readonly kind: 'revoke' | 'lose' | 'recover' | 'replace' | 'hold' | 'release' | 'settle' };

/**
 * An instance whose tasks another member wants as well. The runtime's own group callbacks, tasks, loop, committer and recovery run on a group, stores
 * and a log that only watch.
 */
export class DisputedGroup {
  readonly violations: string[] = [];
  commits = 0;
  activations = 0;
  /** Tasks that the other member may own. */
  private readonly others = new Set<TaskId>(TASKS);
  private readonly clock = new ManualClock();
  private readonly tenures = new Tenures();
  private readonly tasks: TaskManager;
  private readonly loop: ProcessingLoop;
  private readonly listener: GroupListener;
  private generationId = 0;
  private memberships = 0;
  private isMember = false;
  private held: Promise<void> | undefined;
  private unhold: () => void = () => undefined;
  private commitFails = false;

  constructor() {
    const { clock, tenures } = this;
    const logger = silentLogger;
    const courtesy = new Courtesy(5, clock);
    const outputTopics = { reconsider: () => undefined, learn: async () => false } as unknown as OutputTopics;
    const strategy = {
      producer: {} as LogProducer,
      complete: (commits: readonly TaskCommit[], tenure: Tenure) =>
        this.complete(
          commits.map(({ task }) => task.id),
          tenure,
        ),
      recover: () => turns(2),
    } as unknown as CommitStrategy;
    const committer = new Committer({ strategy, outputTopics, clock, courtesy, metrics: noMetrics });
    const input = { fill: async () => undefined, add: () => turns(1), remove: () => undefined };
    const onFailure = (error: unknown): void => void this.violations.push(`The instance failed: ${String(error)}`);
    const tasks: TaskManager = new TaskManager({
      factory: {
        create: (_sub: unknown, partition: number) => this.task(`0_${partition}`),
        successor: ({ id }: Task) => this.task(id, SET_UP_TURNS),
      },
      assignment: { locate: (id: TaskId) => ({ sub: {}, partition: Number(id.split('_')[1]) }) },
      restorer: { restore: (task: Task, signal: AbortSignal) => this.restore(task, signal) },
      follower: { follow: () => undefined, unfollow: () => turns(1), mend: () => undefined, isReady: () => false },
      positions: {
        find: (_task: Task, _tenure: Tenure, signal: AbortSignal) => turns(1).then(() => signal.throwIfAborted()),
      },
      input,
      directory: { touch: async () => undefined },
      loop: () => this.loop,
      cacheMaxBytes: 0,
      clock,
      logger,
      metrics: noMetrics,
      onFailure,
      onChange: () => undefined,
    } as unknown as TaskManagerOptions);
    const recovery = new Recovery({
      applicationId: 'bank',
      instanceId: 'a',
      committer,
      strategy,
      outputTopics,
      slowRecords: { discarded: () => false } as unknown as SlowRecords,
      tasks,
      rejoin: () => undefined,
      clock,
      logger,
      metrics: noMetrics,
      uncaught: new UncaughtErrors({ policy: 'replaceTask', clock, logger }),
      origins: new ErrorOrigins(),
      onFailure,
      onShutdownApplication: () => undefined,
      signal: new AbortController().signal,
    });
    this.loop = new ProcessingLoop({
      reader: { ready: () => turns(1) } as unknown as PartitionReader,
      input: input as unknown as TaskInput,
      committer,
      runningTasks: () => tasks.active,
      tenure: () => tasks.tenure,
      commitIntervalMs: 10,
      longestRestMs: 0,
      uncommittedLimit: new UncommittedLimit({
        maxBytes: 1000,
        transactionTimeoutMs: 10_000,
        hasSlowHandler: () => false,
        clock,
        logger,
      }),
      output: { producer: {} as LogProducer, isFull: false, bytes: 0, maxBytes: Infinity, maxDirtyBytes: Infinity },
      courtesy,
      clock,
      logger,
      metrics: noMetrics,
      recover: (error) => recovery.recover(error),
    } satisfies ProcessingLoopOptions);
    this.tasks = tasks;
    this.listener = groupCallbacks({
      assignment: {},
      owners: new PartitionOwners('a'),
      seal: new GroupSeal({ applicationId: 'bank', instanceId: 'a', secret: undefined, clock, logger }),
      tenures,
      tasks,
      loop: this.loop,
      committer,
      recovery,
      subscription: () => ({
        processId: 'p',
        instanceId: 'a',
        url: undefined,
        topologyFingerprint: '',
        generation: tenures.live?.identity.generationId ?? -1,
        storedTasks: [],
        readyTasks: [],
        capacity: 1,
        rackTags: {},
        isLeaving: false,
        shutdownReason: undefined,
      }),
      logger,
      metrics: noMetrics,
      mayCommit: () => true,
      fence: () => turns(1),
      rejoin: () => undefined,
      probe: () => undefined,
      onShutdown: () => undefined,
      quickTasks: async () => () => false,
      onRebalance: () => undefined,
      onFatal: onFailure,
    } as unknown as GroupCallbacksOptions);
    this.loop.start();
  }

  async happen(event: Event): Promise<void> {
    switch (event.kind) {
      case 'assign':
        this.assign(event.tasks, event.standbys);
        break;
      case 'lose':
        if (this.isMember) void this.end(true);
        break;
      case 'revoke':
        // A member that leaves waits for its handler.
        this.unhold();
        this.held = undefined;
        if (this.isMember) await this.settled(this.end(false));
        TASKS.forEach((id) => this.others.add(id));
        break;
      case 'damage':
        this.tasks.damaged(new StoreCorruptedError('balances', event.task, 'the test damaged it'));
        break;
      case 'late':
        this.giveUpHandler(event.task);
        break;
      case 'recover':
        this.loop.recoverFrom(new LogError('abortable', 'LOG_TRANSACTION_ABORTABLE', 'The transaction timed out.'));
        break;
      case 'replace':
        this.loop.recoverFrom(new Error('Nobody took this error.'));
        break;
      case 'commit':
        this.commitFails = event.fails;
        await this.clock.advance(10);
        break;
      case 'hold':
        this.held ??= new Promise((resolve) => (this.unhold = resolve));
        break;
      case 'release':
        this.unhold();
        this.held = undefined;
        break;
      default:
        await this.clock.settle();
    }
  }

  private giveUpHandler(id: TaskId): void {
    const task = this.tasks.get(id);
    if (task === undefined) return;
    task.records.watch.hasLateHandler = true;
    const place = { topic: 'in', partition: task.partition, offset: 0, handler: 'apply', taskId: id };
    this.loop.recoverFrom(new HalfDoneRecordError(place as BadRecord));
  }

  async close(): Promise<void> {
    this.unhold();
    this.held = undefined;
    for (let round = 0; round < 20; round++) await this.clock.advance(10);
    await this.loop.stop();
  }

  /** The leader gives this member what nobody else may own, and to the other one what this member does not claim. */
  private assign(wanted: readonly TaskId[], standbys: readonly TaskId[]): void {
    if (!this.isMember) this.memberships++;
    this.isMember = true;
    const claimed = decodeSubscription(this.listener.subscription()).ownedTasks;
    for (const id of claimed) if (this.others.has(id)) this.violations.push(`${id} is claimed, and another may own it`);
    // The other member gives back what it is asked for, before it is assigned elsewhere.
    const tasks = wanted.filter((id) => claimed.includes(id) || this.othersGiveBack(id));
    for (const id of TASKS) if (!tasks.includes(id) && !claimed.includes(id)) this.others.add(id);
    const data = {
      tasks,
      standbys: standbys.filter((id) => !tasks.includes(id)),
      isWarmingUp: false,
      neighbours: new Map(),
      followUp: false,
      departed: [],
      instances: undefined,
      members: 2,
      shutdownReason: undefined,
    };
    const identity = {
      groupId: 'bank',
      memberId: `m${this.memberships}`,
      generationId: ++this.generationId,
      instanceId: undefined,
    };
    this.watch(this.listener.onAssigned({ partitions: [], userData: encodeAssignment(data, undefined) }, identity));
  }

  private othersGiveBack(id: TaskId): boolean {
    this.others.delete(id);
    return true;
  }

  private end(lost: boolean): Promise<void> {
    this.isMember = false;
    if (lost) TASKS.forEach((id) => this.others.add(id));
    const revoked = this.listener.onRevoked([], { lost });
    this.watch(revoked);
    return revoked;
  }

  /** The loop turns without timers, so time is let pass until it has come to the end of `handled`. */
  private async settled(handled: Promise<void>): Promise<void> {
    let isPending = true;
    const done = (): void => void (isPending = false);
    handled.then(done, done);
    for (let ms = 0; isPending && ms < 1000; ms++) await this.clock.advance(1);
    if (isPending) this.violations.push('A revocation does not end');
  }

  private watch(handled: Promise<void>): void {
    handled.catch((error: unknown) => this.violations.push(`The listener failed: ${String(error)}`));
  }

  private async complete(ids: readonly TaskId[], tenure: Tenure): Promise<void> {
    // As both strategies do before they send anything that counts.
    tenure.check();
    this.commits++;
    if (tenure !== this.tenures.live) this.violations.push('A commit began without a live tenure');
    for (const id of ids) if (this.others.has(id)) this.violations.push(`${id} was committed, and another may own it`);
    await turns(2);
    if (this.commitFails) throw new LogError('abortable', 'LOG_TRANSACTION_ABORTABLE', 'The transaction timed out.');
  }

  private async restore(task: Task, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.activations++;
    const { live } = this.tenures;
    if (live === undefined || task.tenure !== live) this.violations.push(`${task.id} began without a live tenure`);
    if (this.others.has(task.id)) this.violations.push(`${task.id} began, and another may own it`);
    await turns(3);
    signal.throwIfAborted();
  }

  /** @param setUpTurns how long its user code takes to begin. */
  private task(id: TaskId, setUpTurns = 0): Task {
    const store = {
      open: () => turns(1),
      wipe: () => turns(1),
      setBufferLimit: () => undefined,
      discard: () => undefined,
    };
    const run = async (): Promise<void> => {
      if (this.held !== undefined) await this.held;
    };
    return {
      id,
      state: new StateMachine(`Task ${id}`, TASK_TRANSITIONS, 'created'),
      hasUserCode: true,
      engineFailure: new EngineFailure(),
      stores: {
        all: [{ definition: { name: 'balances' }, store }],
        get: () => ({ store }),
        dirtyBytes: 1,
        prepare: async () => [],
        discard: () => undefined,
        close: async () => undefined,
      },
      records: {
        queues: [],
        watch: { hasLateHandler: false },
        hasRecords: true,
        hasProgress: true,
        heldMs: 0,
        run,
        abandon: () => undefined,
        startAnew: () => undefined,
        takeCommitRequest: () => false,
      },
      flush: async () => undefined,
      onRestored: async () => undefined,
      createUserCode: () => turns(setUpTurns),
      closeUserCode: async () => undefined,
    } as unknown as Task;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
