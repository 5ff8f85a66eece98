import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { WireLog } from '../client/wire-log.js';
import type { GroupListener, GroupMember } from '../group-member.js';
import type { Log } from '../log.js';
import type { TransactionalProducer } from '../log-producer.js';
import { EmbeddedBroker } from './embedded-broker.js';
import type { EmbeddedClient } from './embedded-client.js';

const TOPIC = 'topic';
const GROUP = 'group';
const lost = (): LogError => new LogError('retriable', 'LOG_CONNECTION', 'lost by the test');

describe('the embedded broker under a clock that a test owns', () => {
  let clock: ManualClock;
  let broker: EmbeddedBroker;
  let log: Log;

  const open = ({ wires }: EmbeddedClient): Log => new WireLog({ kind: 'embedded', wires, clock });

  const end = async (isolation: 'read_committed' | 'read_uncommitted'): Promise<number> => {
    const [{ offset }] = await clock.run(log.admin.endOffsets([{ topic: TOPIC, partition: 0 }], isolation));
    return offset;
  };

  const producerOf = async (from: Log, transactionalId = 'tx'): Promise<TransactionalProducer> => {
    const options = { role: 'commit', transactionalId, transactionTimeoutMs: 4000 };
    const producer = from.openTransactionalProducer(options);
    await clock.run(producer.init());
    return producer;
  };

  const put = async (producer: TransactionalProducer, value: string): Promise<void> => {
    producer.append(TOPIC, 0, null, Buffer.from(value), clock.now());
    await clock.run(producer.flush());
  };

  const joined = async (from: Log, revoked: { lost: boolean }[] = []): Promise<GroupMember> => {
    const listener: GroupListener = {
      subscription: () => Buffer.alloc(0),
      assign: async (members) =>
        new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: Buffer.alloc(0) }])),
      onRevoked: async (_partitions, reason) => void revoked.push(reason),
      onAssigned: async () => {},
      onFatal: () => {},
    };
    const times = { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 20_000, heartbeatIntervalMs: 1000 };
    const member = from.openMember({ groupId: GROUP, protocolName: 'test', topics: [TOPIC], ...times }, listener);
    await clock.run(member.join());
    return member;
  };

  beforeEach(async () => {
    clock = new ManualClock();
    broker = new EmbeddedBroker({ clock });
    log = open(broker.client('first'));
    await clock.run(log.admin.createTopics([{ name: TOPIC, partitions: 1 }]));
  });

  afterEach(() => broker.close());

  it('aborts a transaction whose time is over, and fences its owner', async () => {
    const producer = await producerOf(log);
    await put(producer, 'late');
    await clock.advance(3999);
    expect(await end('read_committed')).toBe(0);
    await clock.advance(1);
    expect(await end('read_committed')).toBe(2);
    await expect(clock.run(producer.commit())).rejects.toMatchObject({ kind: 'fenced' });
    const successor = await producerOf(log);
    await put(successor, 'in time');
    await clock.run(successor.commit());
    expect(await end('read_committed')).toBe(4);
  });

  it('gives the partitions of a member whose session ends to the others', async () => {
    const process = broker.client('dead');
    const dead = await joined(open(process));
    const revoked: { lost: boolean }[] = [];
    const alive = await joined(log, revoked);
    const before = alive.identity()!.generationId;
    expect(dead.identity()?.generationId).toBe(before);
    process.halt();
    await clock.advance(5000);
    expect(alive.identity()?.generationId).toBe(before);
    await clock.advance(4000);
    expect(alive.identity()?.generationId).toBe(before + 1);
    expect(revoked).toEqual([]);
  });

  it('refuses offsets of a member whose generation is over', async () => {
    const process = broker.client('dead');
    const identity = (await joined(open(process))).identity()!;
    process.halt();
    await clock.advance(10_000);
    const producer = await producerOf(log);
    const offsets = [{ topic: TOPIC, partition: 0, offset: 1 }];
    await expect(clock.run(producer.sendOffsets(offsets, identity))).rejects.toMatchObject({
      kind: 'migrated',
      code: 'LOG_UNKNOWN_MEMBER_ID',
    });
  });

  it('answers nothing any more to those it halted, although what they asked for happens', async () => {
    const producer = await producerOf(log);
    await put(producer, 'a');
    let isAnswered = false;
    const stop = broker.intercept((_role, api, _request, next) => {
      if (api === 'endTxn') broker.halt();
      return next();
    });
    void producer.commit().then(
      () => (isAnswered = true),
      () => (isAnswered = true),
    );
    await clock.advance(60_000);
    stop();
    expect(isAnswered).toBe(false);
    log = open(broker.client('second'));
    expect(await end('read_committed')).toBe(2);
  });

  it('lets a test delay, lose, repeat and refuse requests', async () => {
    const producer = log.openProducer({ role: 'out' });
    const seen: string[] = [];
    const faults = ['lose', 'repeat', 'refuse', 'delay'];
    broker.intercept(async (role, api, _request, next) => {
      if (api !== 'produce') return next();
      seen.push(role);
      const fault = faults.shift();
      if (fault === 'refuse') throw lost();
      if (fault === 'delay') await new Promise<void>((resolve) => void clock.schedule(700, resolve));
      if (fault === 'repeat') await next();
      const answer = await next();
      if (fault === 'lose') throw lost();
      return answer;
    });
    const startedAt = clock.now();
    for (let i = 0; i < 4; i++) {
      producer.append(TOPIC, 0, null, Buffer.from(`v${i}`), 1);
      await clock.run(producer.flush());
    }
    expect(await end('read_uncommitted')).toBe(4);
    expect(new Set(seen)).toEqual(new Set(['first/out']));
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(700);
  });

  it('takes over a transactional id in one step, and answers a repeated take-over as before', async () => {
    const identity = { transactionalId: 'raw', transactionTimeoutMs: 1000 };
    const first = await broker.handle('test', 'initProducerId', { ...identity, producerId: -1, producerEpoch: -1 });
    const bump = { ...identity, producerId: first.producerId, producerEpoch: first.producerEpoch };
    const second = await broker.handle('test', 'initProducerId', bump);
    expect(second).toMatchObject({ producerId: first.producerId, producerEpoch: first.producerEpoch + 1 });
    expect(await broker.handle('test', 'initProducerId', bump)).toEqual(second);
    await broker.handle('test', 'initProducerId', { ...bump, producerEpoch: second.producerEpoch });
    expect(await broker.handle('test', 'initProducerId', bump)).toMatchObject({ error: 90 });
  });

  it('rejects requests once it is closed, those that are parked too', async () => {
    const reader = log.openReader({ role: 'in', isolation: 'read_committed', maxWaitMs: 10_000 });
    await clock.run(reader.assign([{ topic: TOPIC, partition: 0, offset: 0 }]));
    const wire = broker.wires('raw');
    const fetching = wire.send(0, 'fetch', {
      maxWaitMs: 10_000,
      minBytes: 1,
      maxBytes: 1000,
      isolation: 0,
      topics: [{ topic: TOPIC, partitions: [{ partition: 0, offset: 0, maxBytes: 1000 }] }],
    });
    const refused = expect(fetching).rejects.toMatchObject({ kind: 'retriable', code: 'LOG_CONNECTION' });
    await clock.settle();
    await broker.close();
    await refused;
    await expect(broker.wires('late').connect()).rejects.toMatchObject({ code: 'LOG_CONNECTION' });
    await clock.run(log.close());
    expect(clock.pendingTimers).toBe(0);
  });
});
