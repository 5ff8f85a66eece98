import type { BadRecord, BadRecordAction } from '../../config/bad-record-policy.js';
import { HandlerTimeoutError } from '../../errors/handler-timeout-error.js';
import { ProductionError } from '../../errors/production-error.js';
import type { Clock } from '../../time/clock.js';
import type { Processor, TaskId } from '../../topology/processor.js';
import type { EngineFailure } from '../engine-failure.js';
import type { ErrorOrigins } from '../error-origins.js';
import { CurrentRecord } from './current-record.js';
import type { DepthFirstQueue } from './depth-first-queue.js';
import { HalfDoneRecordError } from './half-done-record-error.js';
import { HandlerWatch } from './handler-watch.js';
import type { Forwarded, ProcessorRuntime, TaskScope } from './processor-runtime.js';
import { isThenable } from './is-thenable.js';
import { placeOf } from './record-place.js';
import type { SlowRecords } from './slow-records.js';
import type { RejectedRecord, SourceQueue } from './source-queue.js';
import type { TaskOutput } from './task-output.js';

/** What a policy said: skip the record in one way or the other, stop, or handle it again after a wait. */
export type Verdict = BadRecordAction | { readonly retryAfterMs: number };

/** What becomes of records that cannot be handled. */
export interface BadRecordPolicies {
  /** Asks the policy. @throws BadRecordError if the record stops the instance. */
  judge(failure: BadRecord): Promise<Verdict>;
  /** Does what it said. @param isNew false where it was done before, in work that was dropped. */
  pass(failure: BadRecord, action: BadRecordAction, isNew: boolean): void;
}

export interface RecordLoopOptions {
  readonly scope: TaskScope;
  readonly output: TaskOutput;
  readonly origins: ErrorOrigins;
  readonly engineFailure: EngineFailure;
  readonly clock: Clock;
  readonly badRecords: BadRecordPolicies;
  readonly slowRecords: SlowRecords;
  readonly releaseIterators: () => number;
  /** Changes of the task's stores so far. */
  readonly changes: () => number;
  /** Of the task's stores. */
  readonly dirtyBytes: () => number;
}

/**
 * Takes the records of one task through its processors, one at a time, oldest timestamp first where there are several topics.
 *
 * Hot path, held by `bench process`: a synchronous handler costs no promise, and an asynchronous one costs its own. A slice ends between two
 * records, never inside one.
 */
export class RecordLoop {
  queues: readonly SourceQueue[] = [];
  processors: readonly ProcessorRuntime[] = [];
  private wiring: (runtime: ProcessorRuntime, processor: Processor) => void = () => undefined;
  /** The queue whose record is under way. */
  private current: SourceQueue | undefined;
  private nextProcessor = 0;
  /** Of the monotonic clock: nothing is handled before. 0 while nothing is waited for. */
  private heldUntil = 0;
  /** How long handlers take. */
  readonly watch: HandlerWatch;
  /** Records between the last look at the clock and the next. */
  private lookAfter = 1;
  /** Records until the next look at the clock. */
  private untilLook = 1;
  /** Changes and outputs when the record began. */
  private effectsBefore = 0;
  private key: unknown;
  private value: unknown;
  private readonly record: CurrentRecord;
  private readonly forwarded: DepthFirstQueue<Forwarded>;

  constructor(private readonly options: RecordLoopOptions) {
    this.record = options.scope.record;
    this.forwarded = options.scope.forwarded;
    this.watch = new HandlerWatch(options.slowRecords, this.record, options.scope.unit, options.clock);
  }

  get taskId(): TaskId {
    return this.options.scope.taskId;
  }

  get streamTime(): number {
    return this.options.scope.streamTime;
  }

  /** Milliseconds until the task goes on with a record that is to be tried again; 0 if it waits for none. */
  get heldMs(): number {
    return this.heldUntil === 0 ? 0 : Math.max(0, this.heldUntil - this.options.clock.monotonic());
  }

  get hasRecords(): boolean {
    if (this.heldMs > 0) return false;
    for (const queue of this.queues) if (!queue.isEmpty && !queue.isPaused) return true;
    return false;
  }

  /** Whether a commit would move an offset. */
  get hasProgress(): boolean {
    for (const queue of this.queues) if (queue.position !== queue.committed) return true;
    return false;
  }

  takeCommitRequest(): boolean {
    const { scope } = this.options;
    const wasRequested = scope.isCommitRequested;
    scope.isCommitRequested = false;
    return wasRequested;
  }

  wire(
    queues: readonly SourceQueue[],
    processors: readonly ProcessorRuntime[],
    connect: (runtime: ProcessorRuntime, processor: Processor) => void,
  ): void {
    this.queues = queues;
    this.processors = processors;
    this.wiring = connect;
  }

  connect(runtime: ProcessorRuntime, processor: Processor): void {
    this.wiring(runtime, processor);
  }

  /** Forgets the failures that nothing was decided about, and handles nothing for so long. */
  startAnew(afterMs: number): void {
    for (const { rejected } of this.queues)
      for (const [offset, { action }] of rejected) if (action === undefined) rejected.delete(offset);
    this.hold(afterMs);
  }

  /** Takes over what the former loop of the task knows. Both have the same queues, in the same order. */
  succeed(former: RecordLoop): void {
    this.options.scope.streamTime = former.streamTime;
    this.heldUntil = former.heldUntil;
    this.queues.forEach((queue, i) => queue.succeed(former.queues[i]!));
  }

  /** Forgets the record under way and all that wait; the owner gives the queues new positions. */
  abandon(): void {
    this.options.scope.unit.isOpen = false;
    this.current = undefined;
    this.forwarded.clear();
  }

  /**
   * Processes until `untilMs` of the monotonic clock has passed or nothing is left. Whoever waits for a handler lets other tasks work, so it may then go on
   * until `endMs`.
   * @throws BadRecordError, LogError, StoreCorruptedError
   */
  async run(untilMs: number, endMs = untilMs): Promise<void> {
    this.watch.begin();
    for (let until = untilMs; ; until = endMs) {
      const pending = this.advance(until);
      if (pending === undefined) return;
      const { promise, by } = pending;
      if (by === undefined) this.look();
      try {
        const result = await (by === undefined ? promise : this.watch.awaited(promise));
        this.watch.ended();
        if (result !== undefined) by?.forward(result);
      } catch (error) {
        this.watch.ended();
        // Only a handler's promise may fail because of the record.
        if (by === undefined) throw error;
        await this.failed('processing', error);
      }
      // Nobody knows how long that took.
      this.untilLook = this.lookAfter = 1;
    }
  }

  /** Lets hooks forward outside any record. */
  beginHook(): void {
    const { output, scope } = this.options;
    output.begin();
    scope.unit.isOpen = true;
    scope.unit.node = undefined;
    this.record.clear(scope.streamTime);
  }

  endHook(): void {
    this.options.scope.unit.isOpen = false;
  }

  /** Handles what hooks forwarded to processors. */
  async drainForwarded(): Promise<void> {
    for (let next = this.forwarded.take(); next !== undefined; next = this.forwarded.take()) {
      this.record.become(next.key, next.value, next.timestamp, next.headers);
      this.enter(next.to);
      const result = await next.to.process();
      if (result !== undefined) next.to.forward(result);
    }
    this.options.releaseIterators();
  }

  /** @returns what has to be awaited, or undefined when the slice is over. */
  private advance(untilMs: number): Pending | undefined {
    const { output, engineFailure } = this.options;
    this.untilLook = this.lookAfter;
    for (;;) {
      if (this.current !== undefined) {
        const pending = this.continueRecord(this.current);
        if (pending !== undefined) return pending;
        // A handler may have gone on without what it could not read.
        if (engineFailure.current !== undefined) throw engineFailure.current;
        this.finishRecord(this.current);
        if (output.port.isFull) return { promise: output.drain(), by: undefined };
        if (--this.untilLook <= 0 && (this.look() >= untilMs || this.isFull())) return undefined;
      }
      if (this.heldUntil !== 0) {
        if (this.heldMs > 0) return undefined;
        this.heldUntil = 0;
      }
      const queue = this.oldest();
      if (queue === undefined) {
        if (this.untilLook < this.lookAfter) this.look();
        return undefined;
      }
      const ready = queue.pending();
      if (ready !== undefined) return { promise: ready, by: undefined };
      const failing = this.begin(queue);
      if (failing !== undefined) return { promise: failing, by: undefined };
    }
  }

  /** @returns the time of the monotonic clock. */
  private look(): number {
    const now = this.options.clock.monotonic();
    this.lookAfter = this.watch.look(now, this.lookAfter - this.untilLook);
    this.untilLook = this.lookAfter;
    return now;
  }

  private begin(queue: SourceQueue): Promise<void> | undefined {
    const { record } = this;
    const { scope } = this.options;
    const { chunk, recordIndex } = queue;
    scope.unit.isOpen = true;
    scope.unit.handler = queue.source.name;
    this.current = queue;
    this.nextProcessor = 0;
    this.options.output.begin();
    this.effectsBefore = this.effects();
    if (queue.rejected.size > 0) {
      const rejected = queue.rejected.get(chunk.offsets[recordIndex]!);
      if (rejected !== undefined && !rejected.isRetried) return this.reject(queue, rejected);
    }
    let key: unknown = null;
    let value: unknown = null;
    try {
      key = queue.key();
      queue.hint();
      value = queue.value();
    } catch (error) {
      record.read(chunk, recordIndex, null, null);
      return this.failed('deserialization', error);
    }
    this.key = key;
    this.value = value;
    record.read(chunk, recordIndex, key, value);
    if (record.timestamp > scope.streamTime) scope.streamTime = record.timestamp;
    try {
      for (const sink of queue.sinks)
        sink.write(key, value, record.timestamp, record.hasHeaders ? record.headers : undefined);
    } catch (error) {
      return this.failed('processing', error);
    }
    return undefined;
  }

  private continueRecord(queue: SourceQueue): Pending | undefined {
    for (;;) {
      const node = this.next(queue);
      if (node === undefined) return undefined;
      this.enter(node);
      let result: unknown;
      try {
        result = node.process();
        if (result === undefined) continue;
        if (!isThenable(result)) {
          node.forward(result);
          continue;
        }
      } catch (error) {
        return { promise: this.failed('processing', error), by: undefined };
      }
      return { promise: result, by: node };
    }
  }

  private enter(node: ProcessorRuntime): void {
    const { unit } = this.options.scope;
    unit.node = node;
    unit.handler = node.node.name;
  }

  private next(queue: SourceQueue): ProcessorRuntime | undefined {
    const forwarded = this.forwarded.take();
    if (forwarded !== undefined) {
      this.record.become(forwarded.key, forwarded.value, forwarded.timestamp, forwarded.headers);
      return forwarded.to;
    }
    if (this.nextProcessor === queue.processors.length) return undefined;
    if (this.nextProcessor > 0) this.record.read(queue.chunk, queue.recordIndex, this.key, this.value);
    return queue.processors[this.nextProcessor++];
  }

  private finishRecord(queue: SourceQueue): void {
    this.current = undefined;
    this.options.scope.unit.isOpen = false;
    queue.processed++;
    queue.advance();
    this.options.releaseIterators();
  }

  private oldest(): SourceQueue | undefined {
    let oldest: SourceQueue | undefined;
    for (const queue of this.queues) {
      if (queue.isEmpty || queue.isPaused) continue;
      if (oldest === undefined || queue.headTimestamp < oldest.headTimestamp) oldest = queue;
    }
    return oldest;
  }

  /** Whether a commit has as much to take as it may. */
  private isFull(): boolean {
    const { port } = this.options.output;
    return port.bytes > port.maxBytes || this.options.dirtyBytes() > port.maxDirtyBytes;
  }

  /** Returns the error of the producer or of an engine that user code met, whatever it threw then. It says nothing about the record. */
  runtimeErrorIn(error: unknown): unknown {
    const { output, origins, engineFailure } = this.options;
    return output.failure ?? engineFailure.current ?? origins.runtimeErrorIn(error);
  }

  /** Skips the rest of the record if the policy says so. @throws what stops the task. */
  private async failed(phase: BadRecord['phase'], error: unknown): Promise<void> {
    const { current, record } = this;
    const { unit } = this.options.scope;
    unit.isOpen = false;
    const runtimeError = this.runtimeErrorIn(error);
    if (runtimeError !== undefined) throw runtimeError;
    if (current === undefined) throw error;
    const place = placeOf(current.chunk, current.recordIndex);
    const failure: BadRecord = {
      phase: error instanceof ProductionError ? 'production' : phase,
      attempt: (current.rejected.get(place.offset)?.failure.attempt ?? 0) + 1,
      ...place,
      handler: unit.handler,
      taskId: this.taskId,
      error,
    };
    const rejected: RejectedRecord = { failure, action: undefined, isRetried: false };
    current.rejected.set(failure.offset, rejected);
    // What a handler that was given up still does is kept from all that follows by starting over.
    const isHalfDone = error instanceof HandlerTimeoutError || this.effects() !== this.effectsBefore;
    if (isHalfDone) throw new HalfDoneRecordError(failure);
    await this.reject(current, rejected);
    record.clear(record.timestamp);
  }

  /** Does with the record what its policy says, and lets nobody handle it. @throws BadRecordError */
  private async reject(queue: SourceQueue, rejected: RejectedRecord): Promise<void> {
    const { badRecords } = this.options;
    this.forwarded.clear();
    const isNew = rejected.action === undefined;
    if (rejected.action === undefined) {
      const verdict = await badRecords.judge(rejected.failure);
      if (typeof verdict === 'object') return this.tryAgain(rejected, verdict.retryAfterMs);
      rejected.action = verdict;
    }
    badRecords.pass(rejected.failure, rejected.action, isNew);
    this.nextProcessor = queue.processors.length;
  }

  /** Leaves the record at the head of its queue. Only this task waits: the others process, and all work is committed up to here. */
  private tryAgain(rejected: RejectedRecord, afterMs: number): void {
    rejected.isRetried = true;
    this.current = undefined;
    this.hold(afterMs);
    this.options.releaseIterators();
  }

  private hold(forMs: number): void {
    this.heldUntil = this.options.clock.monotonic() + forMs;
  }

  private effects(): number {
    return this.options.changes() + this.options.output.appended;
  }
}

interface Pending {
  readonly promise: PromiseLike<unknown>;
  /** Whose answer it is; undefined if there is nothing to forward. */
  readonly by: ProcessorRuntime | undefined;
}
