import { beforeEach, describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { SourceStalls } from './source-stalls.js';

describe('an open transaction on a source', () => {
  let clock: ManualClock;
  let warnings: string[];
  let stalls: SourceStalls;
  let position: number;
  /** Where the first open transaction begins, and where the partition ends. */
  let stable: number;
  let end: number;
  let isReachable: boolean;
  const admin = {
    endOffsets: async (_: unknown, isolation: string) => {
      if (!isReachable) throw new LogError('retriable', 'LOG_CONNECTION', 'no answer');
      return [{ topic: 'in', partition: 0, offset: isolation === 'read_committed' ? stable : end }];
    },
  } as unknown as LogAdmin;

  beforeEach(() => {
    clock = new ManualClock();
    warnings = [];
    [position, stable, end, isReachable] = [5, 5, 9, true];
    stalls = new SourceStalls(admin, clock, { ...silentLogger, warn: (text) => void warnings.push(text) });
  });

  const lookFor = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 10_000) {
      await stalls.look([{ topic: 'in', partition: 0, position }]);
      await clock.advance(10_000);
    }
  };

  it('is named after a minute, and again after twice the time', async () => {
    await lookFor(60_000);
    expect(warnings).toEqual([]);
    await lookFor(50_000);
    expect(warnings).toEqual([expect.stringContaining('"in" partition 0 has been held up at offset 5 for 60 s')]);
    expect(warnings[0]).toContain('find-hanging --topic in');
    await lookFor(20_000);
    expect(warnings).toHaveLength(2);
  });

  it('is not named where transactions come and go, records wait, or nothing is open', async () => {
    for (let i = 0; i < 20; i++) {
      await lookFor(10_000);
      stable = ++position;
      end++;
    }
    position = 3;
    await lookFor(200_000);
    position = stable = end;
    await lookFor(200_000);
    expect(warnings).toEqual([]);
  });

  it('is looked for again once the brokers answer', async () => {
    await lookFor(30_000);
    isReachable = false;
    await lookFor(20_000);
    isReachable = true;
    await lookFor(30_000);
    expect(warnings).toHaveLength(1);
  });
});
