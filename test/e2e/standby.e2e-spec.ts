import { afterEach, describe, expect, it } from 'vitest';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import type { RestoreProgress } from '../../libs/streams/src/topology/processor.js';
import { latest, model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const GROUP = { sessionTimeout: 2000, heartbeatInterval: 100 };

describe.each(['memory', 'rocksdb'])('a standby (%s)', (engine) => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    return bank;
  };
  const states = (instance: StreamsInstance): string[] =>
    [...instance.tasks(), ...instance.standbys()].map(({ taskId, state }) => `${taskId} ${state}`).toSorted();
  const settled = async (...expected: (readonly [StreamsInstance, number, number])[]): Promise<void> => {
    await expect
      .poll(
        () =>
          expected.map(([instance]) => [
            instance.tasks().filter(({ state }) => state === 'running').length,
            instance.standbys().length,
          ]),
        { timeout: 20_000 },
      )
      .toEqual(expected.map(([, active, standby]) => [active, standby]));
  };
  /** Positions of the stores by task, of those that run and of their copies. */
  const positions = (tasks: ReturnType<StreamsInstance['tasks']>): Record<string, number | undefined> =>
    Object.fromEntries(tasks.map(({ taskId, stores }) => [taskId, stores[0]!.position]));
  const caughtUp = async (instances: readonly StreamsInstance[]): Promise<void> => {
    await expect
      .poll(() => {
        const running = Object.assign({}, ...instances.map((each) => positions(each.tasks()))) as Record<
          string,
          number
        >;
        return instances
          .flatMap((each) => each.standbys())
          .filter(({ taskId, stores }) => (stores[0]!.position ?? 0) < (running[taskId] ?? 0)).length;
      })
      .toBe(0);
  };

  it('follows its task, takes over where that died, and restores next to nothing', async () => {
    const bank = await open();
    const input = transactions(3000, 300);
    const restored: RestoreProgress[] = [];
    const lifecycle = { onRestoreProgress: (progress: RestoreProgress) => void restored.push(progress) };
    const survivor = await bank.start({ engine, group: GROUP, lifecycle });
    const doomed = bank.doomed({ engine, group: GROUP });
    await doomed.instance.start();
    await doomed.instance.whenRunning();
    await settled([survivor, 2, 2], [doomed.instance, 2, 2]);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    await expect
      .poll(async () => new Map([...(await storeContent(survivor)), ...(await storeContent(doomed.instance))]), {
        timeout: 20_000,
      })
      .toEqual(model(input));
    await caughtUp([survivor, doomed.instance]);
    restored.splice(0);
    const moved = doomed.instance.tasks().map(({ taskId }) => taskId);
    doomed.halt();
    await settled([survivor, 4, 0]);
    await expect.poll(() => storeContent(survivor)).toEqual(model(input));
    const ends = restored.filter(({ taskId }) => moved.includes(taskId));
    expect(new Set(ends.map(({ taskId }) => taskId))).toEqual(new Set(moved));
    // The copy went on from its own position: the changelog was not read from its beginning.
    for (const { restoredRecords, startOffset } of ends) {
      expect(startOffset).toBeGreaterThan(0);
      expect(restoredRecords).toBeLessThan(20);
    }
  });

  it('is what a task becomes whose instance gives it up, and is closed where nobody wants it', async () => {
    const bank = await open();
    const input = transactions(900, 60);
    const [first, second] = [await bank.start({ engine, group: GROUP }), await bank.start({ engine, group: GROUP })];
    await settled([first, 2, 2], [second, 2, 2]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 300));
    const third = await bank.start({ engine, group: GROUP });
    await expect
      .poll(
        () => {
          const all = [first, second, third];
          const running = all.flatMap((each) => each.tasks().filter(({ state }) => state === 'running')).length;
          return [running, all.flatMap((each) => each.standbys()).length];
        },
        { timeout: 20_000 },
      )
      .toEqual([4, 4]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(300, 600));
    await third.close();
    await settled([first, 2, 2], [second, 2, 2]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(600));
    await expect
      .poll(async () => new Map([...(await storeContent(first)), ...(await storeContent(second))]), { timeout: 20_000 })
      .toEqual(model(input));
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
    await second.close();
    await settled([first, 4, 0]);
    expect(states(first)).toEqual(['0_0 running', '0_1 running', '0_2 running', '0_3 running']);
    expect(await storeContent(first)).toEqual(model(input));
  });

  it('is made first where a task with much state is to move, which goes on meanwhile', async () => {
    const bank = await open();
    const input = transactions(2000, 200);
    const options = { engine, group: GROUP, acceptableRecoveryLag: 10, standbyReplicas: 0 };
    const first = await bank.start(options);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    await expect.poll(() => storeContent(first), { timeout: 20_000 }).toEqual(model(input));
    const second = bank.instance(options);
    await second.start();
    expect([first.tasks().length, second.tasks().length, second.standbys().length]).toEqual([4, 0, 2]);
    await settled([first, 2, 0], [second, 2, 0]);
    expect(new Map([...(await storeContent(first)), ...(await storeContent(second))])).toEqual(model(input));
  });
});
