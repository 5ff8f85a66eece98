import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';
import { leaveGroup } from './leave-group.js';

const SESSION_MS = 10_000;

describe('leaving the group', () => {
  let clock: ManualClock;
  let gaveUp: boolean;
  /** When the commit under way began. */
  let commitSince: number | undefined;
  let isHeard: boolean;
  let leave: () => void;
  let left: Promise<void>;
  let endHandler: (() => void) | undefined;
  let isClosed: boolean;

  beforeEach(async () => {
    clock = new ManualClock();
    await clock.advance(60_000);
    gaveUp = false;
    commitSince = undefined;
    isHeard = true;
    endHandler = undefined;
    isClosed = false;
  });

  const begin = (handler?: Promise<void>): void => {
    const closed = new Promise<void>((resolve) => (leave = resolve));
    const heardAt = clock.monotonic();
    const parts = {
      committer: {
        get busyMs() {
          return commitSince === undefined ? 0 : clock.monotonic() - commitSince;
        },
      },
      member: { close: () => closed, lastContact: () => (isHeard ? clock.monotonic() : heardAt) },
      strategy: { close: async () => undefined },
      tasks: { endActivations: async () => undefined, closeUserCode: async () => void (isClosed = true) },
      loop: {
        exclusive: async (action: () => Promise<void>) => {
          if (handler !== undefined) await handler;
          return action();
        },
      },
    } as unknown as InstanceParts;
    const options = { clock, logger: silentLogger, config: { group: { sessionTimeoutMs: SESSION_MS } } };
    const giveUp = (): void => void (gaveUp = true);
    left = leaveGroup(parts, options as unknown as StreamsInstanceOptions, giveUp, (error) => {
      throw error;
    });
  };

  it('waits for a commit as long as the group is heard, however long that took before', async () => {
    commitSince = clock.monotonic() - 9500;
    begin();
    await clock.advance(5000);
    expect(gaveUp).toBe(false);
    leave();
    await left;
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up a commit that takes a session from then on', async () => {
    commitSince = clock.monotonic();
    begin();
    await clock.advance(SESSION_MS);
    expect(gaveUp).toBe(true);
  });

  it('gives up where nothing is heard of the group for a session, whatever it waits for', async () => {
    isHeard = false;
    begin();
    await clock.advance(SESSION_MS);
    expect(gaveUp).toBe(true);
  });

  it('calls the last hooks once no handler runs, also where the membership was lost before', async () => {
    begin(new Promise<void>((resolve) => (endHandler = resolve)));
    leave();
    await clock.advance(3 * SESSION_MS);
    expect([gaveUp, isClosed]).toEqual([true, false]);
    endHandler!();
    await left;
    expect(isClosed).toBe(true);
  });

  it('waits for a revocation that takes its time while the group is heard', async () => {
    begin();
    await clock.advance(5 * SESSION_MS);
    expect(gaveUp).toBe(false);
    leave();
    await left;
  });
});
