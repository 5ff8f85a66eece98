import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import { StreamsError } from '../../errors/streams-error.js';
import type { InstanceState, TaskState } from '../../runtime/instance-status.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import { checkReadinessPolicy, isReady, type ReadinessPolicy } from './readiness.js';

/** What an answer tells beside `status`. */
export interface StreamsHealthDetails {
  readonly state: InstanceState;
  /** The code of the error that failed the instance; its message is in the log only. */
  readonly failure?: string;
  /** Number of tasks by state; states without tasks are left out. */
  readonly tasks: Readonly<Partial<Record<TaskState, number>>>;
  readonly restoring: readonly RestoringStore[];
  /** What is paused: `instance`, names of processors, ids of tasks; absent if nothing is. A paused instance is ready. */
  readonly paused?: readonly string[];
}

export interface RestoringStore {
  readonly store: string;
  readonly partition: number;
  readonly remainingRecords: number;
  /** Absent until a rate is known. */
  readonly etaMs?: number;
}

/**
 * The instance of this process as a Terminus health indicator.
 *
 * Live is not the same as ready: an instance that restores, rebalances or stops is alive, and killing it would only start it all over.
 */
@Injectable()
export class StreamsHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly health: HealthIndicatorService,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {}

  /** Down once the instance has failed or stopped: a restart is the remedy. */
  isLive<K extends string>(key: K): HealthIndicatorResult<K> {
    const { state } = this.runtime();
    return this.answer(key, state !== 'failed' && state !== 'stopped');
  }

  /**
   * Down until the tasks run that `policy` asks for.
   * @throws ConfigurationError if `policy` is none.
   */
  isReady<K extends string>(key: K, policy: ReadinessPolicy = 'all'): HealthIndicatorResult<K> {
    checkReadinessPolicy(policy);
    const runtime = this.runtime();
    return this.answer(key, isReady(policy, runtime.state, runtime.tasks()));
  }

  private answer<K extends string>(key: K, isUp: boolean): HealthIndicatorResult<K> {
    const check = this.health.check(key);
    const details = { ...describe(this.runtime()) };
    return isUp ? check.up(details) : check.down(details);
  }

  // Looked up when asked: the module of the runtime need not be global, and may be made after this one.
  private runtime(): StreamsRuntime {
    return this.moduleRef.get<StreamsRuntime>(STREAMS_RUNTIME, { strict: false });
  }
}

function describe(runtime: StreamsRuntime): StreamsHealthDetails {
  const tasks: Partial<Record<TaskState, number>> = {};
  const restoring: RestoringStore[] = [];
  for (const { state, partition, stores } of runtime.tasks()) {
    tasks[state] = (tasks[state] ?? 0) + 1;
    for (const { name, restore } of stores) {
      if (restore === undefined) continue;
      const { remainingRecords, etaMs } = restore;
      restoring.push({ store: name, partition, remainingRecords, ...(etaMs === undefined ? {} : { etaMs }) });
    }
  }
  const { state, failure } = runtime;
  const paused = runtime
    .pauses()
    .map((each) => (each === 'instance' ? each : 'task' in each ? each.task : each.processor));
  return {
    state,
    ...(failure === undefined ? {} : { failure: failure instanceof StreamsError ? failure.code : failure.name }),
    tasks,
    restoring,
    ...(paused.length === 0 ? {} : { paused }),
  };
}
