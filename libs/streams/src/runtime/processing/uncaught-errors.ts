import { UNCAUGHT_ACTIONS, type UncaughtAction, type UncaughtPolicy } from '../../config/uncaught-policy.js';
import { BadRecordError } from '../../errors/bad-record-error.js';
import { DiskFullError } from '../../errors/disk-full-error.js';
import { LogError } from '../../errors/log-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** Without a failure for so long, a task counts as sound again. */
const FORGOTTEN_AFTER_MS = 120_000;

export interface UncaughtErrorOptions {
  readonly policy: UncaughtPolicy;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

export interface UncaughtVerdict {
  readonly action: UncaughtAction;
  /** Undefined: all tasks. */
  readonly taskId: TaskId | undefined;
  /** Before a replaced task goes on. */
  readonly waitMs: number;
}

/** Applies `errors.uncaught`, and remembers how often tasks were replaced. */
export class UncaughtErrors {
  private readonly replaced = new Map<TaskId | undefined, { count: number; at: number }>();

  constructor(private readonly options: UncaughtErrorOptions) {}

  /** @param isOfUserCode whether a hook or a serde threw it, whatever its class. */
  async judge(error: unknown, isOfUserCode = false): Promise<UncaughtVerdict> {
    const taskId = error instanceof BadRecordError ? (error.taskId as TaskId) : undefined;
    const now = this.options.clock.monotonic();
    const known = this.replaced.get(taskId);
    const replacements = known === undefined || now - known.at > FORGOTTEN_AFTER_MS ? 0 : known.count;
    const action = await this.decide(error, taskId, replacements);
    // What makes the log or the disk refuse this instance is not the task's.
    const isOfInstance = !isOfUserCode && (error instanceof LogError || error instanceof DiskFullError);
    if (action === 'replaceTask' && isOfInstance) return { action: 'shutdownInstance', taskId, waitMs: 0 };
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(replacements, 30));
    if (action === 'replaceTask') this.replaced.set(taskId, { count: replacements + 1, at: now + waitMs });
    return { action, taskId, waitMs };
  }

  private async decide(error: unknown, taskId: TaskId | undefined, replacements: number): Promise<UncaughtAction> {
    const { policy, logger } = this.options;
    if (typeof policy !== 'function') return policy;
    try {
      const action: unknown = await policy(error, { taskId, replacements });
      if (UNCAUGHT_ACTIONS.includes(action as UncaughtAction)) return action as UncaughtAction;
      throw new TypeError(
        `It answered ${JSON.stringify(action)}; it must answer 'replaceTask', 'shutdownInstance' or 'shutdownApplication'.`,
      );
    } catch (cause) {
      logger.error('The policy errors.uncaught failed, so the instance is shut down.', cause);
      return 'shutdownInstance';
    }
  }
}
