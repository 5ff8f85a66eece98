import { afterEach, describe, expect, it } from 'vitest';
import type { GroupListener } from '../../libs/streams/src/log/group-member.js';
import { ASSIGNMENT_PROTOCOL, encodeSubscription } from '../../libs/streams/src/runtime/assignment/user-data.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { latest, model, produce, storeContent, transactions, type Transaction } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const GROUP = { sessionTimeout: 2000, heartbeatInterval: 100 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A member that joins the group, takes no task, and does not come to the next rebalance before it may. */
async function holdUp(bank: EmbeddedBank): Promise<{ readonly release: () => void; close(): Promise<void> }> {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  let joined = (): void => {};
  const isIn = new Promise<void>((resolve) => (joined = resolve));
  const listener: GroupListener = {
    subscription: () =>
      encodeSubscription({
        processId: 'late',
        instanceId: 'late',
        url: undefined,
        topologyFingerprint: '',
        generation: -1,
        ownedTasks: [],
        storedTasks: [],
        readyTasks: [],
        capacity: 1,
        rackTags: {},
        isLeaving: true,
        shutdownReason: undefined,
      }),
    assign: async () => Promise.reject(new Error('leads the group, which nobody expected')),
    onRevoked: async () => {},
    onAssigned: async () => {
      joined();
      await released;
    },
    onFatal: () => {},
  };
  const member = bank.log.openMember(
    {
      groupId: 'bank',
      protocolName: ASSIGNMENT_PROTOCOL,
      topics: [bank.topics.input],
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      heartbeatIntervalMs: 100,
    },
    listener,
  );
  void member.join().catch(() => undefined);
  await isIn;
  return { release, close: () => member.close() };
}

/** Looks at an instance in every turn of the event loop. */
function watch(instance: StreamsInstance): { stop(): Promise<Map<string, Set<string>>> } {
  const seen = new Map<string, Set<string>>();
  let isOver = false;
  const watching = (async () => {
    for (; !isOver; await turn())
      for (const { taskId: id, state } of instance.tasks()) seen.set(id, (seen.get(id) ?? new Set()).add(state));
  })();
  return {
    stop: async () => {
      isOver = true;
      await watching;
      return seen;
    },
  };
}

describe.each(['exactly_once', 'at_least_once'] as const)('a rebalance (%s)', (processingGuarantee) => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    return bank;
  };
  const options = { processingGuarantee, group: GROUP };

  const settled = async (instances: readonly StreamsInstance[], counts: readonly number[]): Promise<void> => {
    await expect
      .poll(() => instances.map((each) => each.tasks().filter(({ state }) => state === 'running').length), {
        timeout: 10_000,
      })
      .toEqual(counts);
  };

  const processed = async (
    bank: EmbeddedBank,
    instances: readonly StreamsInstance[],
    input: readonly Transaction[],
  ): Promise<void> => {
    await expect
      .poll(
        async () => new Map((await Promise.all(instances.map((each) => storeContent(each)))).flatMap((m) => [...m])),
        {
          timeout: 20_000,
        },
      )
      .toEqual(model(input));
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
    const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );
    expect(outputs.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
  };

  it('leaves tasks that stay alone: they run all the time, and the instance with them', async () => {
    const bank = await open();
    const input = transactions(400, 30);
    const first = await bank.start(options);
    const states: string[] = [];
    first.onStateChange((state) => void states.push(state));
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 200));
    const watched = watch(first);
    const second = await bank.start(options);
    await settled([first, second], [2, 2]);
    const seen = await watched.stop();
    for (const { taskId } of first.tasks()) expect([...(seen.get(taskId) ?? [])]).toEqual(['running']);
    expect(states).toEqual([]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(200));
    await processed(bank, [first, second], input);
  });

  it('lets all tasks process and commit while it waits for a member', async () => {
    const bank = await open();
    const input = transactions(400, 30);
    const first = await bank.start(options);
    const late = await holdUp(bank);
    const second = bank.instance(options);
    const starting = second.start();
    // From its next heartbeat on the first one takes part in a rebalance that waits for the late member.
    for (let i = 0; i < 200; i += 40) {
      await produce(bank.log, bank.topics.input, bank.partitions, input.slice(i, i + 40));
      await processed(bank, [first], input.slice(0, i + 40));
    }
    expect(second.tasks()).toEqual([]);
    late.release();
    await late.close();
    await starting;
    await settled([first, second], [2, 2]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(200));
    await processed(bank, [first, second], input);
  });

  it('moves the tasks of an instance that stops while it works on, and only then lets it go', async () => {
    const bank = await open();
    const input = transactions(1200, 30);
    const first = await bank.start(options);
    const second = await bank.start(options);
    await settled([first, second], [2, 2]);
    const watched = watch(first);
    const kept = first.tasks().map(({ taskId }) => taskId);
    const producing = (async () => {
      for (let i = 0; i < input.length; i += 100) {
        await produce(bank.log, bank.topics.input, bank.partitions, input.slice(i, i + 100));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await second.handOver();
    expect(second.state).toBe('running');
    expect(second.tasks()).toEqual([]);
    await settled([first], [4]);
    await second.close();
    await producing;
    const seen = await watched.stop();
    for (const taskId of kept) expect([...(seen.get(taskId) ?? [])]).toEqual(['running']);
    await processed(bank, [first], input);
  });
});

describe('the open transaction of an instance that died', () => {
  it('is ended by whoever takes its tasks, long before it would time out', async () => {
    const bank = await EmbeddedBank.open();
    try {
      const input = transactions(300, 30);
      const options = { engine: 'memory', group: GROUP, transactionTimeout: '15m' } as const;
      const first = await bank.start(options);
      const doomed = bank.doomed({ ...options, commitInterval: '10m' });
      await doomed.instance.start();
      await doomed.instance.whenRunning();
      await expect.poll(() => first.tasks().length).toBe(2);
      await produce(bank.log, bank.topics.input, bank.partitions, input);
      // Outputs of a transaction that nobody has decided yet.
      const ends = async (isolation: 'read_committed' | 'read_uncommitted'): Promise<number> =>
        (await bank.log.admin.endOffsets(bank.outputPartitions, isolation)).reduce(
          (sum, { offset }) => sum + offset,
          0,
        );
      await expect
        .poll(async () => (await ends('read_uncommitted')) - (await ends('read_committed')))
        .toBeGreaterThan(0);
      doomed.halt();
      await expect.poll(() => storeContent(first), { timeout: 20_000 }).toEqual(model(input));
    } finally {
      await bank.close();
    }
  });

  it('fails an instance that may not end it, which rejects nothing that nobody handles', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const bank = await EmbeddedBank.open();
    try {
      // Stores are opened for a while before anybody waits for the end of that transaction.
      const options = { standbyReplicas: 0, group: { sessionTimeout: 1000, heartbeatInterval: 100 } } as const;
      bank.broker.intercept(async (role, api, _request, next) => {
        if (role !== 'fence' || api !== 'initProducerId') return next();
        // TRANSACTIONAL_ID_AUTHORIZATION_FAILED: an ACL may name one transactional id for each instance.
        return { throttleMs: 0, error: 53, producerId: -1, producerEpoch: -1 } as Awaited<ReturnType<typeof next>>;
      });
      const first = await bank.start(options);
      const doomed = bank.doomed(options);
      await doomed.instance.start();
      await doomed.instance.whenRunning();
      await expect.poll(() => first.tasks().length).toBe(2);
      doomed.halt();
      await expect.poll(() => first.state, { timeout: 10_000 }).toBe('failed');
      expect(first.failure?.message).toContain('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
      await bank.close();
    }
  });
});
