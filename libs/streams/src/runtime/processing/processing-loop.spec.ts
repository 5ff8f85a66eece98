import { afterEach, describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import type { LogProducer } from '../../log/log-producer.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { SystemClock } from '../../time/system-clock.js';
import type { Committer } from '../commit/committer.js';
import { TENURE } from '../commit/testing/fake-commits.js';
import { Courtesy } from '../courtesy.js';
import type { Task } from '../task/task.js';
import { ProcessingLoop, type ProcessingLoopOptions } from './processing-loop.js';
import type { TaskInput } from './task-input.js';
import { UncommittedLimit } from './uncommitted-limit.js';

const idleCommitter = {
  isBusy: false,
  busyMs: 0,
  endedAt: -Infinity,
  tookMs: 0,
  takeFailure: () => undefined,
  begin: async () => undefined,
  settle: async () => undefined,
};

describe('the processing loop', () => {
  const loops: ProcessingLoop[] = [];
  const start = (options: Partial<ProcessingLoopOptions>): ProcessingLoop => {
    const loop = new ProcessingLoop({
      reader: { ready: () => new Promise<void>((resolve) => setImmediate(resolve)) } as unknown as PartitionReader,
      input: { fill: () => undefined } as unknown as TaskInput,
      committer: idleCommitter as unknown as Committer,
      runningTasks: () => [],
      tenure: () => TENURE,
      commitIntervalMs: 1,
      longestRestMs: 4,
      uncommittedLimit: new UncommittedLimit({
        maxBytes: 1000,
        transactionTimeoutMs: 10_000,
        hasSlowHandler: () => false,
        clock: new SystemClock(),
        logger: silentLogger,
      }),
      output: { producer: {} as LogProducer, isFull: false, bytes: 0, maxBytes: Infinity, maxDirtyBytes: Infinity },
      courtesy: new Courtesy(5, new SystemClock()),
      clock: new SystemClock(),
      logger: silentLogger,
      metrics: noMetrics,
      recover: async () => true,
      ...options,
    });
    loops.push(loop);
    loop.start();
    return loop;
  };
  afterEach(async () => {
    for (const loop of loops.splice(0)) await loop.stop();
  });

  it('runs exclusive actions one after the other, in the order in which they were asked for', async () => {
    const loop = start({});
    const seen: string[] = [];
    const action = (name: string) => async (): Promise<string> => {
      seen.push(`begin ${name}`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`end ${name}`);
      return name;
    };
    expect(await Promise.all([loop.exclusive(action('a')), loop.exclusive(action('b'))])).toEqual(['a', 'b']);
    expect(seen).toEqual(['begin a', 'end a', 'begin b', 'end b']);
    await loop.stop();
    expect(await loop.exclusive(action('after the end'))).toBe('after the end');
  });

  it('gives an action its failure back, and goes on', async () => {
    const loop = start({});
    await expect(loop.exclusive(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(await loop.exclusive(async () => 'still there')).toBe('still there');
  });

  it('asks for recovery where a commit failed in the background, and ends where there is none', async () => {
    const errors: unknown[] = [];
    let failures: unknown[] = [new Error('first'), new Error('second')];
    const ended = new Promise<void>((resolve) => {
      start({
        committer: { ...idleCommitter, takeFailure: () => failures.shift() } as unknown as Committer,
        recover: async (error) => {
          errors.push(error);
          if (errors.length === 2) resolve();
          return errors.length < 2;
        },
      });
    });
    await ended;
    await loops[0]!.stop();
    failures = [new Error('nobody looks any more')];
    expect(errors).toEqual([new Error('first'), new Error('second')]);
    expect(failures).toHaveLength(1);
  });

  it('recovers from each of several errors that are met outside within one round', async () => {
    const errors: unknown[] = [];
    const recover = async (error: unknown): Promise<boolean> => errors.push(error) > 0;
    const loop = start({ recover });
    const [a, b] = [new Error('store a is damaged'), new Error('store b is damaged')];
    loop.recoverFrom(a);
    loop.recoverFrom(b);
    await expect.poll(() => errors).toEqual([a, b]);
  });

  it('recovers once from an error that comes out of a round as well', async () => {
    const errors: unknown[] = [];
    const error = new Error('store a is damaged');
    let rounds = 0;
    const fill = async (): Promise<void> => {
      if (++rounds > 1) return;
      loop.recoverFrom(error);
      throw error;
    };
    const loop: ProcessingLoop = start({
      input: { fill } as unknown as TaskInput,
      recover: async (each) => errors.push(each) > 0,
    });
    await expect.poll(() => rounds).toBeGreaterThan(3);
    expect(errors).toEqual([error]);
  });

  it('says once every ten seconds that a commit waits for the log', async () => {
    const warnings: string[] = [];
    let busyMs = 9000;
    const committer = { ...idleCommitter, isBusy: true };
    Object.defineProperty(committer, 'busyMs', { get: () => busyMs });
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const loop = start({ committer: committer as unknown as Committer, logger });
    const rounds = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await loop.exclusive(async () => undefined);
    };
    await rounds();
    expect(warnings).toEqual([]);
    busyMs = 12_000;
    await rounds();
    await expect.poll(() => warnings.length).toBe(1);
    await rounds();
    expect(warnings).toEqual([expect.stringContaining('A commit has been waiting for the log for 12 s')]);
    busyMs = 21_000;
    await expect.poll(() => warnings.length).toBe(2);
  });

  describe('after a transaction that timed out', () => {
    const clock = new ManualClock();
    const timedOut = new LogError('fenced', 'LOG_PRODUCER_FENCED', 'The transaction took too long.');
    const limitOf = (maxBytes: number): UncommittedLimit =>
      new UncommittedLimit({
        maxBytes,
        transactionTimeoutMs: 10_000,
        hasSlowHandler: () => false,
        clock,
        logger: silentLogger,
      });
    const run = async (): Promise<void> => undefined;
    const records = { hasRecords: true, heldMs: 0, queues: [], run, takeCommitRequest: () => false };

    it('commits more again while a backlog keeps every round full', async () => {
      const uncommittedLimit = limitOf(8 * 2 ** 20);
      uncommittedLimit.isReached(2 ** 20);
      await clock.advance(10_000);
      expect(uncommittedLimit.failed(timedOut)).toBe(true);
      const before = uncommittedLimit.bytes;
      const committer = {
        ...idleCommitter,
        begin: async () => void (committer.isBusy = true),
        settle: async () => void (committer.isBusy = false),
      };
      start({
        committer: committer as unknown as Committer,
        uncommittedLimit,
        runningTasks: () => [{ records, stores: { dirtyBytes: 16 * 2 ** 20 } } as unknown as Task],
      });
      await expect.poll(() => uncommittedLimit.bytes).toBeGreaterThan(2 * before);
    });

    it('judges a commit that fails during a round by its own size, not by that of the work after it', async () => {
      const uncommittedLimit = limitOf(8 * 2 ** 20);
      let isOver = false;
      const stores = { dirtyBytes: 2 ** 20 };
      const committer = {
        ...idleCommitter,
        begin: async () => {
          await committer.settle();
          committer.isBusy = true;
          stores.dirtyBytes = 100;
          await clock.advance(10_000);
        },
        settle: async () => {
          if (isOver) throw timedOut;
        },
      };
      const failed = new Promise<boolean>((resolve) => {
        start({
          committer: committer as unknown as Committer,
          uncommittedLimit,
          runningTasks: () => [{ records: { ...records, takeCommitRequest: () => true }, stores } as unknown as Task],
          input: {
            fill: () => {
              if (!committer.isBusy) return;
              isOver = true;
              committer.isBusy = false;
            },
          } as unknown as TaskInput,
          recover: async (_, isTooMuch) => {
            resolve(isTooMuch);
            return false;
          },
        });
      });
      expect([await failed, uncommittedLimit.bytes]).toEqual([true, 2 ** 19]);
    });
  });

  describe('with a commit every 100 ms', () => {
    /** At which times commits begin that take `tookMs` each, while `hasRecords` or not, in 3 s. */
    const commitsBegun = async (tookMs: number, hasRecords: boolean): Promise<number[]> => {
      const clock = new ManualClock();
      const from = clock.monotonic();
      const begun: number[] = [];
      const committer = {
        ...idleCommitter,
        begin: async () => {
          begun.push(clock.monotonic() - from);
          Object.assign(committer, { endedAt: clock.monotonic() + tookMs, tookMs });
        },
      };
      Object.defineProperty(committer, 'isBusy', { get: () => clock.monotonic() < committer.endedAt });
      const records = { hasRecords, heldMs: 0, queues: [], run: async () => undefined, takeCommitRequest: () => false };
      const task = { records, stores: { dirtyBytes: 0 } } as unknown as Task;
      const loop = start({
        clock,
        courtesy: new Courtesy(5, clock),
        committer: committer as unknown as Committer,
        runningTasks: () => [task],
        commitIntervalMs: 100,
        longestRestMs: 400,
      });
      for (let ms = 0; ms < 3000; ms += 10) {
        await clock.advance(10);
        // The first may meet a round that began before; between the two there is a whole one.
        await loop.exclusive(async () => undefined);
        await loop.exclusive(async () => undefined);
      }
      await loop.stop();
      return begun.slice(0, 4);
    };

    it('counts the interval from the end of the commit before', async () => {
      expect(await commitsBegun(20, true)).toEqual([100, 220, 340, 460]);
      expect(await commitsBegun(70, false)).toEqual([100, 270, 440, 610]);
    });

    it('leaves processing as much time as a commit took while records wait', async () => {
      expect(await commitsBegun(250, true)).toEqual([100, 600, 1100, 1600]);
      expect(await commitsBegun(250, false)).toEqual([100, 450, 800, 1150]);
    });

    it('lets no more than the longest rest pass without a commit, however long commits take', async () => {
      expect(await commitsBegun(600, true)).toEqual([100, 1100, 2100]);
    });
  });
});
