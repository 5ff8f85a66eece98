import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { QueryError } from '../problem/query-error.js';
import { FakeRuntime } from '../testing/fake-runtime.js';
import type { PeerClient } from './peer-client.js';
import { PeerDirectory } from './peer-directory.js';
import type { PeerMessage } from './peer-message.js';
import { PeerHeartbeat } from './peer-heartbeat.js';
import type { InstanceReport } from './peer-status.js';

const INTERVAL_MS = 1000;

class Runtime extends FakeRuntime {
  members = new Map([['b', 'http://b:3000']]);

  override instances(): ReadonlyMap<string, string> {
    return this.members;
  }
}

describe('the heartbeat of peers', () => {
  const report = (instanceId: string): InstanceReport => ({ instanceId, epoch: 1, stores: {}, peers: {} });
  let clock: ManualClock;
  let runtime: Runtime;
  let failure: Error | undefined;
  let status: unknown;
  let calls: number;
  let lines: string[];
  let directory: PeerDirectory;
  let heartbeat: PeerHeartbeat;

  beforeEach(() => {
    clock = new ManualClock();
    runtime = new Runtime([]);
    failure = undefined;
    status = report('b');
    lines = [];
    calls = 0;
    const call = async (
      _operation: string,
      _peer: object,
      _message: object,
      decode: (answer: PeerMessage) => unknown,
    ): Promise<unknown> => {
      calls++;
      if (failure !== undefined) throw failure;
      return decode({ head: { status }, blobs: [] });
    };
    const note =
      (level: string) =>
      (message: string): void =>
        void lines.push(`${level} ${message}`);
    directory = new PeerDirectory(runtime, clock, INTERVAL_MS);
    heartbeat = new PeerHeartbeat({
      directory,
      client: { call } as unknown as PeerClient,
      report: () => report('here'),
      maySpeak: () => runtime.state !== 'failed',
      intervalMs: INTERVAL_MS,
      clock,
      logger: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    });
    heartbeat.start();
    return () => heartbeat.stop();
  });

  it('warns once of an instance that has not answered for half a minute, with the cause, and says when it does', async () => {
    await clock.advance(5000);
    expect(lines).toEqual([]);
    const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    failure = new QueryError('peer-unreachable', 'The instance "b" could not be reached.', { cause });
    await clock.advance(29_000);
    expect(lines).toEqual([
      'debug The instance "b" tells nothing: The instance "b" could not be reached. (ECONNREFUSED)',
    ]);
    await clock.advance(60_000);
    expect(lines.slice(1)).toEqual([
      'warn The instance "b" has not answered at http://b:3000 for 30 s, so queries of what it holds fail here: The instance "b" could not be reached. (ECONNREFUSED)',
    ]);
    failure = undefined;
    await clock.advance(INTERVAL_MS);
    expect(lines.slice(2)).toEqual(['info The instance "b" answers again.']);
  });

  it('leaves calling to an instance that calls here, once it has reached it itself', async () => {
    const hear = async (intervals: number): Promise<void> => {
      for (let i = 0; i < intervals; i++) {
        directory.learn('b', report('b'));
        await clock.advance(INTERVAL_MS);
      }
    };
    failure = new Error('refused');
    await hear(40);
    expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    failure = undefined;
    await hear(1);
    calls = 0;
    // From here on each beat meets a word that is less than half an interval old.
    await clock.advance(INTERVAL_MS * 0.6);
    await hear(5);
    expect(calls).toBe(0);
    runtime.members = new Map([['b', 'http://elsewhere']]);
    await hear(3);
    expect(calls).toBe(1);
  });

  it('takes the word of an instance that it has reached before for an answer', async () => {
    await clock.advance(INTERVAL_MS * 1.6);
    failure = new Error('refused');
    await clock.advance(INTERVAL_MS);
    for (let i = 0; i < 60; i++) {
      directory.learn('b', report('b'));
      await clock.advance(INTERVAL_MS);
    }
    await clock.advance(INTERVAL_MS * 20);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('says nothing for an instance that has failed: another process may have its place', async () => {
    await clock.advance(INTERVAL_MS);
    calls = 0;
    runtime.state = 'failed';
    await clock.advance(10 * INTERVAL_MS);
    expect(calls).toBe(0);
  });

  it('warns of nobody who is gone meanwhile, and counts anew when it comes back', async () => {
    failure = new Error('refused');
    await clock.advance(20_000);
    runtime.members = new Map();
    await clock.advance(INTERVAL_MS);
    runtime.members = new Map([['b', 'http://b:3000']]);
    await clock.advance(20_000);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    await clock.advance(15_000);
    expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  it.each([
    null,
    {},
    { instanceId: 'b', epoch: 1, stores: {}, peers: null },
    { instanceId: 'b', epoch: 1, peers: {}, stores: { s: [null] } },
  ])('survives a report that is none: %j', async (malformed) => {
    status = malformed;
    await clock.advance(5 * INTERVAL_MS);
    expect(calls).toBeGreaterThan(2);
    expect(directory.copies('s', 0)).toEqual([]);
    await heartbeat.beat();
  });
});
