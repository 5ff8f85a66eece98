import { afterEach, describe, expect, it } from 'vitest';
import type { UncaughtContext } from '../../libs/streams/src/config/uncaught-policy.js';
import { silentLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { latest, model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const input = transactions(60, 6);

describe('an error that no other policy takes', () => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(2);
    banks.push(bank);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    return bank;
  };
  /** Fails on t7 for the first `times` times, after a write and an output. */
  const failing = (times: number): BankOptions => {
    let tries = 0;
    return {
      commitInterval: 20,
      after: ({ id }) => {
        if (id === 't7' && tries++ < times) throw new Error(`${id} is refused`);
      },
    };
  };
  const expectAllOnce = async (bank: EmbeddedBank): Promise<void> => {
    const sent = await committedRecords(bank.log, bank.topics.output);
    const ids = sent.map(({ value }) => (JSON.parse(value!) as { id: string }).id);
    expect(ids.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
  };

  it('replaces the task with new user code, and handles its record again, once', async () => {
    const bank = await open();
    const hooks: string[] = [];
    const lifecycle = {
      onTaskInit: ({ partition }: { partition: number }) => void hooks.push(`init ${partition}`),
      onTaskClose: ({ partition }: { partition: number }) => void hooks.push(`close ${partition}`),
    };
    const instance = await bank.start({ ...failing(1), lifecycle, errors: { uncaught: 'replaceTask' } });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    expect(instance.state).toBe('running');
    const [, , close, init] = hooks;
    // The other task keeps its user code.
    expect(hooks.slice(0, 2).toSorted()).toEqual(['init 0', 'init 1']);
    expect([close, init]).toEqual([`close ${close!.at(-1)}`, `init ${close!.at(-1)}`]);
    expect(hooks).toHaveLength(4);
    await instance.close();
    await expectAllOnce(bank);
  });

  it('lets the other tasks go on while a task fails again and again, and says how often it was replaced', async () => {
    const bank = await open();
    const seen: UncaughtContext[] = [];
    const uncaught = (_: unknown, context: UncaughtContext) => {
      seen.push(context);
      return context.replacements < 2 ? ('replaceTask' as const) : ('shutdownInstance' as const);
    };
    const instance = await bank.start({ ...failing(Infinity), errors: { uncaught } });
    const t7 = input[7]!.accountId;
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const { taskId } = seen[0]!;
    const lagOfOthers = (): number[] =>
      instance
        .sourceLag()
        .filter(({ partition }) => !taskId!.endsWith(`_${partition}`))
        .map(({ lag }) => lag);
    await expect.poll(lagOfOthers, { timeout: 10_000 }).toEqual([0]);
    expect(instance.state).not.toBe('failed');
    expect((await storeContent(instance)).get(t7)?.count ?? 0).toBeLessThanOrEqual(1);
    await expect.poll(() => instance.state, { timeout: 10_000 }).toBe('failed');
    expect(seen).toEqual([0, 1, 2].map((replacements) => ({ taskId, replacements })));
    expect(instance.failure).toMatchObject({ code: 'STREAMS_PROCESSING_FAILED' });
  });

  it('replaces all tasks where the error does not tell its task', async () => {
    const bank = await open();
    let failures = 1;
    const lifecycle = {
      onFlush: () => {
        if (failures-- > 0) throw new Error('no flush today');
      },
    };
    const instance = await bank.start({ lifecycle, commitInterval: 20, errors: { uncaught: 'replaceTask' } });
    await expect.poll(() => storeContent(instance), { timeout: 20_000 }).toEqual(model(input));
    await instance.close();
    await expectAllOnce(bank);
  });

  it('fails the instance with an error of its own under shutdownApplication', async () => {
    const bank = await open();
    const lines: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => void lines.push(message) };
    const instance = bank.instance({ ...failing(1), logger, errors: { uncaught: 'shutdownApplication' } });
    await instance.start();
    await expect.poll(() => instance.state).toBe('failed');
    expect(instance.failure).toMatchObject({
      code: 'STREAMS_APPLICATION_SHUTDOWN',
      cause: { code: 'STREAMS_PROCESSING_FAILED' },
    });
    expect(lines[0]).toContain('has to stop: apply failed on the record');
  });

  it.each([undefined, 'the secret of the peers'])(
    'stops the other instances as well under shutdownApplication, with the secret %s',
    async (secret) => {
      const bank = await EmbeddedBank.open(2);
      banks.push(bank);
      const options: BankOptions = {
        ...failing(1),
        group: { heartbeatInterval: 100, sessionTimeout: 30_000 },
        errors: { uncaught: 'shutdownApplication' },
        ...(secret !== undefined && { peers: { secret }, advertisedUrl: 'http://127.0.0.1:1' }),
      };
      const instances = [await bank.start(options), await bank.start(options), await bank.start(options)];
      await produce(bank.log, bank.topics.input, bank.partitions, input);
      await expect
        .poll(() => instances.map(({ state }) => state), { timeout: 10_000 })
        .toEqual(['failed', 'failed', 'failed']);
      for (const { failure } of instances) expect(failure).toMatchObject({ code: 'STREAMS_APPLICATION_SHUTDOWN' });
      expect(instances.filter(({ failure }) => failure?.cause !== undefined)).toHaveLength(1);
    },
  );

  it('fails the instance where the policy itself fails', async () => {
    const bank = await open();
    const uncaught = () => 'ignore' as 'replaceTask';
    const instance = bank.instance({ ...failing(1), errors: { uncaught } });
    await instance.start();
    await expect.poll(() => instance.state).toBe('failed');
    expect(instance.failure).toMatchObject({ code: 'STREAMS_PROCESSING_FAILED' });
  });
});
