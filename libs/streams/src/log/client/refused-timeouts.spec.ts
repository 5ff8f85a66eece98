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
    const clock = new ManualClock();
    const joined = { protocol: null, leaderId: '', memberId: '', generationId: -1, members: [] };
    const log = answering(clock, 'joinGroup', { error: 26, ...joined });
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
    await expect(clock.run(member.join())).rejects.toMatchObject({
      kind: 'fatal',
      code: 'LOG_INVALID_SESSION_TIMEOUT',
      kafkaCode: 26,
      message: expect.stringMatching(
        /1000 ms.*"bank".*"group.min.session.timeout.ms".*"group.max.session.timeout.ms".*"group.sessionTimeout"/,
      ),
    });
  });
});
