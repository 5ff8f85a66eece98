import { beforeEach, describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import { silentLogger } from '../../observability/streams-logger.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { UncommittedLimit } from './uncommitted-limit.js';

const MIB = 2 ** 20;
const fenced = new LogError('fenced', 'LOG_INVALID_PRODUCER_EPOCH', 'The epoch is old.');

describe('the limit of uncommitted work', () => {
  let clock: ManualClock;
  let warnings: string[];
  let limit: UncommittedLimit;
  let hasSlowHandler: boolean;
  beforeEach(() => {
    clock = new ManualClock();
    hasSlowHandler = false;
    warnings = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const bounds = { maxBytes: 64 * MIB, transactionTimeoutMs: 10_000 };
    limit = new UncommittedLimit({ ...bounds, hasSlowHandler: () => hasSlowHandler, clock, logger });
  });

  /** Work of so many bytes whose commit fails after a while. */
  const fail = async (bytes: number, afterMs: number, error: unknown = fenced): Promise<boolean> => {
    limit.isReached(bytes);
    limit.begin();
    await clock.advance(afterMs);
    return limit.failed(error);
  };
  const succeed = (bytes: number, tookMs: number): void => {
    limit.isReached(bytes);
    limit.begin();
    limit.succeeded(tookMs);
  };

  it('falls to half of what timed out, each time', async () => {
    expect(await fail(8 * MIB, 10_000)).toBe(true);
    expect(limit.bytes).toBe(4 * MIB);
    expect([limit.isReached(4 * MIB), limit.isReached(4 * MIB + 1)]).toEqual([false, true]);
    await fail(5 * MIB, 12_000);
    expect(limit.bytes).toBe(2 * MIB);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`did not take ${8 * MIB} bytes within 10 s, so commits are limited to ${4 * MIB}`);
  });

  it('falls for work that fails before its commit begins, and for what nobody acknowledged', async () => {
    limit.isReached(MIB);
    await clock.advance(4000);
    limit.isReached(8 * MIB);
    await clock.advance(6000);
    limit.failed(fenced);
    expect(limit.bytes).toBe(4 * MIB);
    await fail(2 * MIB, 0, new LogError('retriable', 'LOG_DELIVERY_TIMEOUT', 'Nobody answered.'));
    expect(limit.bytes).toBe(MIB);
  });

  it('stays where size is not the reason', async () => {
    expect(await fail(8 * MIB, 100)).toBe(false);
    await fail(8 * MIB, 20_000, new Error('a hook failed'));
    await fail(8 * MIB, 20_000, new LogError('migrated', 'LOG_ILLEGAL_GENERATION', 'The group went on.'));
    await fail(1000, 20_000);
    hasSlowHandler = true;
    expect(await fail(8 * MIB, 20_000)).toBe(false);
    expect(limit.bytes).toBe(64 * MIB);
    expect(warnings).toEqual([]);
  });

  it('never ends below what a record needs', async () => {
    for (let i = 0; i < 40; i++) await fail(64 * MIB, 10_000);
    expect(limit.bytes).toBe(16 * 1024);
    expect(await fail(64 * MIB, 10_000)).toBe(false);
  });

  it('rises slowly with quick commits only, up to what it was', async () => {
    await fail(8 * MIB, 10_000);
    succeed(4 * MIB, 6000);
    expect(limit.bytes).toBe(4 * MIB);
    succeed(4 * MIB, 1000);
    expect(limit.bytes).toBe(Math.ceil(4.4 * MIB));
    limit.succeeded(1000);
    expect(limit.bytes).toBe(Math.ceil(4.4 * MIB));
    for (let i = 0; i < 40; i++) succeed(MIB, 1000);
    expect([limit.bytes, limit.isReduced]).toEqual([64 * MIB, false]);
  });
});
