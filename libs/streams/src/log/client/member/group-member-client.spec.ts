import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogError } from '../../../errors/log-error.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { ScriptedBroker } from '../../conformance/scripted-wire.js';
import type { GroupListener } from '../../group-member.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import { encodeAssignment } from './consumer-protocol.js';
import { GroupMemberClient } from './group-member-client.js';

const SESSION_MS = 10_000;
const INTERVAL_MS = 3000;
const PARTITIONS = [{ topic: 'orders', partition: 0 }];
const OFFSETS = [{ topic: 'orders', partition: 0, offset: 7 }];

let clock: ManualClock;
let broker: ScriptedBroker;
let generation: number;
let member: GroupMemberClient;
let members: GroupMemberClient[];
/** What the listener was told, in order. */
let told: string[];
let listener: GroupListener;

const joined = () => ({
  error: 0,
  generationId: ++generation,
  protocol: 'test',
  leaderId: 'other',
  memberId: 'me',
  members: [],
});

function open(instanceId?: string): GroupMemberClient {
  const opened = new GroupMemberClient(
    broker.openWire,
    {
      groupId: 'bank',
      protocolName: 'test',
      topics: ['orders'],
      instanceId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: 60_000,
      heartbeatIntervalMs: INTERVAL_MS,
    },
    listener,
    clock,
  );
  members.push(opened);
  return opened;
}

beforeEach(() => {
  clock = new ManualClock();
  generation = 0;
  told = [];
  members = [];
  listener = {
    subscription: () => Buffer.alloc(0),
    assign: async () => new Map(),
    onRevoked: async (_partitions, { lost }) => void told.push(lost ? 'lost' : 'revoked'),
    onAssigned: async (_assignment, { generationId }) => void told.push(`assigned ${generationId}`),
    onFatal: (error) => void told.push(`fatal ${(error as LogError).code}`),
  };
  broker = new ScriptedBroker()
    .script('joinGroup', joined)
    .script('syncGroup', () => ({
      error: 0,
      assignment: encodeAssignment({ partitions: PARTITIONS, userData: Buffer.alloc(0) }),
    }))
    .script('heartbeat', () => ({ error: 0 }))
    .script('leaveGroup', () => ({ error: 0 }))
    .script('offsetCommit', ({ topics }) => ({
      topics: topics.map(({ topic }) => ({ topic, partitions: [{ partition: 0, error: 0 }] })),
    }));
  member = open();
});

afterEach(async () => {
  for (const each of members) await clock.run(each.close());
  expect(broker.openWires).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

describe('closing a group member', () => {
  const unstable = {
    error: 0,
    topics: [
      {
        topic: 'orders',
        partitions: [{ partition: 0, error: KafkaErrorCode.UNSTABLE_OFFSET_COMMIT, offset: -1, metadata: null }],
      },
    ],
  };

  it('ends a committed() that is asked again and again, and still takes the commit of onRevoked', async () => {
    broker.script('offsetFetch', () => unstable);
    listener.onAssigned = async () => void (await member.committed(PARTITIONS));
    let committed: unknown = 'not yet';
    listener.onRevoked = async () => {
      committed = await member.commit(OFFSETS, member.identity()!);
    };
    const joining = member.join().catch((error: unknown) => error);
    await clock.advance(1000);
    expect(broker.count('offsetFetch')).toBeGreaterThan(5);
    await clock.run(member.close(), 0);
    expect(committed).toBeUndefined();
    expect(broker.count('offsetCommit')).toBe(1);
    expect(broker.count('leaveGroup')).toBe(1);
    expect(told).toEqual([]);
    expect(await joining).toMatchObject({ code: 'LOG_CLOSED' });
    await expect(member.committed(PARTITIONS)).rejects.toMatchObject({ code: 'LOG_CLOSED' });
  });

  it('ends a committed() whose answer does not come', async () => {
    await clock.run(member.join());
    const asked = member.committed(PARTITIONS).catch((error: unknown) => error);
    await clock.settle();
    broker.parked('offsetFetch');
    await clock.run(member.close(), 0);
    expect(await asked).toMatchObject({ code: 'LOG_CLOSED' });
  });

  it('keeps the membership by heartbeats until onRevoked has returned', async () => {
    await clock.run(member.join());
    let end = (): void => {};
    listener.onRevoked = () => new Promise((resolve) => (end = resolve));
    const closing = member.close();
    await clock.advance(3 * SESSION_MS);
    expect(broker.count('heartbeat')).toBe(10);
    expect(broker.count('leaveGroup')).toBe(0);
    end();
    await clock.run(closing, 0);
    expect(broker.count('leaveGroup')).toBe(1);
  });

  it('leaves by its member id, on a fresh connection, while its JoinGroup is parked', async () => {
    await clock.run(member.join());
    broker.script('joinGroup', () => undefined);
    member.requestRejoin();
    await clock.settle();
    expect(broker.parked('joinGroup').wire).toBe(0);
    await clock.run(member.close(), 0);
    expect(broker.received.at(-1)).toMatchObject({
      api: 'leaveGroup',
      request: { members: [{ memberId: 'me', instanceId: null }] },
      wire: 1,
    });
    expect(told).toEqual(['assigned 1', 'revoked']);
  });

  it('leaves while its first JoinGroup is parked if the broker has named it, and otherwise only goes', async () => {
    const refused = { ...joined(), error: KafkaErrorCode.MEMBER_ID_REQUIRED, generationId: -1, memberId: 'named' };
    broker.script('joinGroup', ({ memberId }) => (memberId === '' ? refused : undefined));
    const joining = member.join().catch((error: unknown) => error);
    await clock.settle();
    await clock.run(member.close(), 0);
    expect(broker.received.at(-1)).toMatchObject({ api: 'leaveGroup', request: { members: [{ memberId: 'named' }] } });
    expect(await joining).toMatchObject({ code: 'LOG_CLOSED' });

    member = open();
    broker.script('joinGroup', () => undefined);
    member.join().catch(() => {});
    await clock.settle();
    await clock.run(member.close(), 0);
    expect(broker.count('leaveGroup')).toBe(1);
  });

  it('does not leave when it is to come back', async () => {
    member = open('a');
    await clock.run(member.join());
    broker.script('joinGroup', () => undefined);
    member.requestRejoin();
    await clock.settle();
    await clock.run(member.close({ leave: false }), 0);
    expect(broker.count('leaveGroup')).toBe(0);
  });

  it('waits for the answer to LeaveGroup no longer than the session lasts', async () => {
    await clock.run(member.join());
    broker.script('leaveGroup', () => undefined);
    await clock.run(member.close(), SESSION_MS);
    expect(broker.count('leaveGroup')).toBe(1);
  });
});

describe('the heartbeat of a group member', () => {
  it('takes a fresh connection after one that stays unanswered, before the session ends', async () => {
    await clock.run(member.join());
    broker.script('heartbeat', (_request, wire) => (wire === 0 ? undefined : { error: 0 }));
    await clock.advance(SESSION_MS - 1);
    expect(broker.received.filter(({ api }) => api === 'heartbeat').map(({ wire }) => wire)).toEqual([0, 1, 1]);
    expect(broker.openWires).toBe(1);
    await clock.advance(SESSION_MS);
    expect(told).toEqual(['assigned 1']);
  });

  it('goes on by a fresh connection each time until one answers', async () => {
    await clock.run(member.join());
    broker.script('heartbeat', () => undefined);
    await clock.advance(SESSION_MS - 1);
    broker.script('heartbeat', () => ({ error: 0 }));
    await clock.advance(SESSION_MS);
    const wires = broker.received.filter(({ api }) => api === 'heartbeat').map(({ wire }) => wire);
    expect(wires.slice(0, 4)).toEqual([0, 1, 2, 2]);
    expect(new Set(wires).size).toBe(3);
  });

  it('leaves a commit, which its dead connection carried, to be sent again', async () => {
    await clock.run(member.join());
    broker.script('heartbeat', (_request, wire) => (wire === 0 ? undefined : { error: 0 }));
    const script = (topic: string) => ({ topics: [{ topic, partitions: [{ partition: 0, error: 0 }] }] });
    broker.script('offsetCommit', (_request, wire) => (wire === 0 ? undefined : script('orders')));
    await clock.run(member.commit(OFFSETS, member.identity()!), SESSION_MS);
    expect(broker.count('offsetCommit')).toBe(2);
  });

  it.each([
    ['UNKNOWN_MEMBER_ID', ''],
    ['ILLEGAL_GENERATION', 'me'],
  ] as const)('loses the generation by %s, and joins again', async (name, memberId) => {
    await clock.run(member.join());
    broker.script('heartbeat', ({ generationId }) => ({ error: generationId === 1 ? KafkaErrorCode[name] : 0 }));
    await clock.advance(SESSION_MS);
    expect(told).toEqual(['assigned 1', 'lost', 'assigned 2']);
    const join = broker.received.filter(({ api }) => api === 'joinGroup').at(-1);
    expect(join?.request).toMatchObject({ memberId });
  });

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'] as const)(
    'whose answer %s comes late says nothing of the generation that is being joined',
    async (name) => {
      await clock.run(member.join());
      broker.script('heartbeat', () => undefined);
      await clock.advance(INTERVAL_MS);
      const late = broker.parked('heartbeat');
      broker.script('joinGroup', () => undefined);
      member.requestRejoin();
      await clock.settle();
      late.answer({ error: KafkaErrorCode[name] });
      await clock.settle();
      broker.parked('joinGroup').answer(joined());
      broker.script('heartbeat', () => ({ error: 0 }));
      await clock.advance(SESSION_MS);
      expect(told).toEqual(['assigned 1', 'assigned 2']);
      expect(member.identity()).toMatchObject({ memberId: 'me', generationId: 2 });
    },
  );

  it('ends the member for good when another process has taken its instance id, without leaving for that one', async () => {
    member = open('a');
    await clock.run(member.join());
    expect(member.identity()).toMatchObject({ generationId: 1, instanceId: 'a' });
    broker.script('heartbeat', () => ({ error: KafkaErrorCode.FENCED_INSTANCE_ID }));
    await clock.advance(SESSION_MS);
    expect(told).toEqual(['assigned 1', 'lost', 'fatal LOG_FENCED_INSTANCE_ID']);
    expect(broker.count('heartbeat')).toBe(1);
    expect(member.identity()).toBeUndefined();
    await expect(member.commit(OFFSETS, member.identity()!)).rejects.toMatchObject({ code: 'LOG_NOT_A_MEMBER' });
    await clock.run(member.close(), 0);
    expect(broker.count('leaveGroup')).toBe(0);
  });
});

describe('a group member', () => {
  it('has no identity after its listener has failed, and leaves when it is closed', async () => {
    await clock.run(member.join());
    listener.onAssigned = () => Promise.reject(new LogError('fatal', 'LOG_UNKNOWN', 'by the test'));
    member.requestRejoin();
    await clock.settle();
    expect(told).toEqual(['assigned 1', 'fatal LOG_UNKNOWN']);
    expect(member.identity()).toBeUndefined();
    await clock.advance(SESSION_MS);
    expect(broker.count('heartbeat')).toBe(0);
    await clock.run(member.close(), 0);
    expect(broker.count('leaveGroup')).toBe(1);
  });

  it('joins the next generation before it is given up, although its listener takes longer', async () => {
    await clock.run(member.join());
    const taken: (() => void)[] = [];
    listener.onAssigned = (_assignment, { generationId }) => {
      told.push(`assigned ${generationId}`);
      return new Promise((resolve) => taken.push(resolve));
    };
    member.requestRejoin();
    await clock.settle();
    broker.script('heartbeat', ({ generationId }) => ({
      error: generationId === 2 ? KafkaErrorCode.REBALANCE_IN_PROGRESS : 0,
    }));
    await clock.advance(INTERVAL_MS + 19_999);
    expect(told).toEqual(['assigned 1', 'assigned 2']);
    await clock.advance(1);
    expect(told).toEqual(['assigned 1', 'assigned 2', 'assigned 3']);
    await clock.advance(60_000);
    expect(member.identity()).toMatchObject({ generationId: 3 });
    for (const end of taken) end();
    await clock.settle();
    expect(told).toEqual(['assigned 1', 'assigned 2', 'assigned 3']);
  });

  it('waits for its listener no longer once its membership is lost', async () => {
    await clock.run(member.join());
    const taken: (() => void)[] = [];
    listener.onAssigned = () => new Promise((resolve) => taken.push(resolve));
    member.requestRejoin();
    await clock.settle();
    broker.script('heartbeat', ({ generationId }) => ({
      error: generationId === 2 ? KafkaErrorCode.UNKNOWN_MEMBER_ID : 0,
    }));
    await clock.advance(INTERVAL_MS);
    expect(told).toEqual(['assigned 1', 'lost']);
    expect(member.identity()).toMatchObject({ generationId: 3 });
    for (const end of taken) end();
  });

  it('ends when its listener fails over an assignment that it has gone beyond', async () => {
    await clock.run(member.join());
    let fail: (error: Error) => void = () => {};
    listener.onAssigned = (_assignment, { generationId }) =>
      generationId === 2 ? new Promise((_resolve, reject) => (fail = reject)) : Promise.resolve();
    member.requestRejoin();
    await clock.settle();
    broker.script('heartbeat', ({ generationId }) => ({
      error: generationId === 2 ? KafkaErrorCode.REBALANCE_IN_PROGRESS : 0,
    }));
    await clock.advance(INTERVAL_MS + 20_000);
    expect(member.identity()).toMatchObject({ generationId: 3 });
    fail(new LogError('fatal', 'LOG_UNKNOWN', 'by the test'));
    await clock.settle();
    expect(told).toEqual(['assigned 1', 'revoked', 'fatal LOG_UNKNOWN']);
  });

  it('cannot join after it was closed', async () => {
    await clock.run(member.close(), 0);
    await expect(member.join()).rejects.toMatchObject({ code: 'LOG_NOT_A_MEMBER' });
    expect(broker.received).toEqual([]);
  });
});
