import { describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { delay } from '../../time/clock.js';
import type { Committer } from '../commit/committer.js';
import { changedTask, committerThat, TENURE } from '../commit/testing/fake-commits.js';
import { ErrorOrigins } from '../error-origins.js';
import { SlowRecords } from '../records/slow-records.js';
import { Recovery, type RecoveryOptions } from './recovery.js';

const RECOVER_MS = 300;
const LIMITS = { handlerTimeoutMs: undefined, transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000 };

describe('an owner whose commit failed', () => {
  const clock = new ManualClock();

  /** A commit that fails after 100 ms, and how long its doubt lasts in the moment when the tasks restore. */
  async function failing(
    error: Error,
    origins = new ErrorOrigins(),
  ): Promise<{
    readonly committer: Committer;
    readonly doubtsMs: number[];
    /** What `errors.uncaught` was asked about. */
    readonly judged: unknown[];
    recover(): Promise<boolean>;
  }> {
    const doubtsMs: number[] = [];
    const judged: unknown[] = [];
    const committer = committerThat(clock, async () => {
      await delay(clock, 100);
      throw error;
    });
    const restart = (): boolean => doubtsMs.push(committer.busyMs) > 0;
    const recovery = new Recovery({
      applicationId: 'app',
      instanceId: 'a',
      committer,
      strategy: { recover: () => delay(clock, RECOVER_MS) } as unknown as RecoveryOptions['strategy'],
      outputTopics: { learn: async () => false } as unknown as RecoveryOptions['outputTopics'],
      tasks: {
        all: [],
        suspend: async () => undefined,
        restart,
        replace: async () => restart(),
      } as unknown as RecoveryOptions['tasks'],
      slowRecords: new SlowRecords(LIMITS, silentLogger),
      rejoin: () => undefined,
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      metrics: noMetrics,
      uncaught: {
        judge: async (judgedError: unknown) => {
          judged.push(judgedError);
          return { action: 'replaceTask', taskId: undefined, waitMs: 500 };
        },
      } as unknown as RecoveryOptions['uncaught'],
      origins,
      onFailure: () => undefined,
      onShutdownApplication: () => undefined,
      signal: new AbortController().signal,
    });
    await committer.begin([changedTask()], TENURE);
    await clock.advance(100);
    return { committer, doubtsMs, judged, recover: () => clock.run(recovery.recover(committer.takeFailure())) };
  }

  it.each([
    ['is mended', new LogError('retriable', 'LOG_TIMEOUT', 'The outcome is not known.')],
    ['replaces tasks', new Error('Nobody knows this error.')],
  ])('is unsure until its tasks restore, and no longer, if that %s', async (_, error) => {
    const { committer, doubtsMs, recover } = await failing(error);
    expect(committer.busyMs).toBe(100);
    expect(await recover()).toBe(true);
    expect(doubtsMs).toEqual([100 + RECOVER_MS]);
    expect(committer.busyMs).toBe(0);
  });

  it('leaves an error of a hook to errors.uncaught, whatever its class', async () => {
    const origins = new ErrorOrigins();
    const thrown = new LogError('retriable', 'LOG_TIMEOUT', 'A producer of its own has no answer.');
    const { recover, judged } = await failing(thrown, origins);
    origins.fromUserCode(thrown);
    expect(await recover()).toBe(true);
    expect(judged).toEqual([thrown]);
  });
});
