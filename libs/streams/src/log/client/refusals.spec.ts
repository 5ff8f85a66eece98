import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { EmbeddedBroker } from '../embedded/embedded-broker.js';
import type { ApiName, ResponseOf } from '../protocol/messages.js';
import { WireLog } from './wire-log.js';

/** A log whose broker answers one request so. */
function answering(clock: ManualClock, wanted: ApiName, answer: object): WireLog {
  const broker = new EmbeddedBroker({ clock, cleanupIntervalMs: 0 });
  broker.intercept(async (_, api, __, next) => (api === wanted ? (answer as ResponseOf<typeof api>) : next()));
  return new WireLog({ kind: 'embedded', wires: broker.wires, clock });
}

async function joinRefusedWith(error: number): Promise<void> {
  const clock = new ManualClock();
  const joined = { protocol: null, leaderId: '', memberId: '', generationId: -1, members: [] };
  const log = answering(clock, 'joinGroup', { error, ...joined });
  const times = { sessionTimeoutMs: 1000, heartbeatIntervalMs: 100, rebalanceTimeoutMs: 60_000 };
  const member = log.openMember(
    { groupId: 'bank', protocolName: 'test', topics: ['in'], ...times },
    {
      subscription: () => Buffer.alloc(0),
      assign: async () => new Map(),
      onRevoked: async () => undefined,
      onAssigned: async () => undefined,
      onFatal: () => undefined,
    },
  );
  await clock.run(member.join());
}

describe('a time-out that the brokers do not allow', () => {
  it('is named with its option and their setting, for transactions', async () => {
    const clock = new ManualClock();
    const log = answering(clock, 'initProducerId', { error: 50, producerId: -1, producerEpoch: -1 });
    const producer = log.openTransactionalProducer({
      role: 'commit',
      transactionalId: 'bank-1',
      transactionTimeoutMs: 900_000,
    });
    await expect(clock.run(producer.init())).rejects.toMatchObject({
      kind: 'fatal',
      code: 'LOG_INVALID_TRANSACTION_TIMEOUT',
      kafkaCode: 50,
      message: expect.stringMatching(/900000 ms.*"bank-1".*"transaction.max.timeout.ms".*"transactionTimeout"/),
    });
  });

  it('is named with its option and their settings, for sessions', async () => {
    await expect(joinRefusedWith(26)).rejects.toMatchObject({
      kind: 'fatal',
      code: 'LOG_INVALID_SESSION_TIMEOUT',
      kafkaCode: 26,
      message: expect.stringMatching(
        /1000 ms.*"bank".*"group.min.session.timeout.ms".*"group.max.session.timeout.ms".*"group.sessionTimeout"/,
      ),
    });
  });
});

it.each([23, 69])('a group of other members says how to find them (error %i)', async (error) => {
  await expect(joinRefusedWith(error)).rejects.toMatchObject({
    kind: 'fatal',
    code: 'LOG_INCONSISTENT_GROUP_PROTOCOL',
    kafkaCode: error,
    message: expect.stringMatching(/group "bank".*--describe --group bank --members.*"applicationId"/),
  });
});
