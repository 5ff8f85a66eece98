import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { latest, model, produce, storeContent, transactions, type Balance } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

describe('instances of one application', () => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    return bank;
  };
  const ids = async (bank: EmbeddedBank): Promise<string[]> =>
    (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );

  it('share the partitions, hand them over in good order, and count everything once', async () => {
    const bank = await open();
    const input = transactions(600, 30);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 200));
    const first = await bank.start();
    const second = await bank.start();
    await expect.poll(() => [first, second].map((each) => each.tasks().length)).toEqual([2, 2]);
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(200, 400));
    await expect
      .poll(async () => new Map([...(await storeContent(first)), ...(await storeContent(second))]))
      .toEqual(model(input.slice(0, 400)));
    await first.close();
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(400));
    await expect.poll(() => storeContent(second), { timeout: 20_000 }).toEqual(model(input));
    expect((await ids(bank)).toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
  });

  it('know who owns what', async () => {
    const bank = await open();
    const first = await bank.start({ instanceId: 'a', advertisedUrl: 'http://a' });
    const second = await bank.start({ instanceId: 'b', advertisedUrl: 'http://b' });
    await expect.poll(() => [first, second].map((each) => each.tasks().length)).toEqual([2, 2]);
    for (const instance of [first, second]) {
      const store = instance.queryableStore('balances')!;
      for (let partition = 0; partition < bank.partitions; partition++) {
        const owner = store.owner(partition)!;
        expect(owner.isLocal).toBe(store.local(partition) !== undefined);
        expect(owner.url).toBe(`http://${owner.instanceId}`);
      }
    }
  });

  it('end when a copy of their identity keeps taking it over, and say so', async () => {
    const bank = await open();
    const original = bank.folder();
    const copy = bank.folder();
    const options = { commitInterval: 5, group: { sessionTimeout: 2000, heartbeatInterval: 100 } };
    const first = await bank.start({ stateDir: original, ...options });
    mkdirSync(join(copy, 'bank'), { recursive: true });
    cpSync(join(original, 'bank', 'instance.json'), join(copy, 'bank', 'instance.json'));
    const second = await bank.start({ stateDir: copy, ...options });
    let isOver = false;
    const producing = (async () => {
      for (let i = 0; !isOver; i += 10) {
        await produce(bank.log, bank.topics.input, bank.partitions, transactions(10, 30, i));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await expect
      .poll(
        () => [first, second].some((each) => (each.failure as { code?: string })?.code === 'STREAMS_INSTANCE_FENCED'),
        {
          timeout: 30_000,
        },
      )
      .toBe(true);
    isOver = true;
    await producing;
  });

  it('take over what a dead one had begun, without its uncommitted work', async () => {
    const bank = await open();
    const input = transactions(400, 30);
    const group = { sessionTimeout: 1000, heartbeatInterval: 300 };
    const doomed = bank.doomed({ engine: 'memory', group, commitInterval: '10m', transactionTimeout: '15m' });
    await doomed.instance.start();
    await doomed.instance.whenRunning();
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 200));
    const seen = async (): Promise<number> =>
      (await bank.log.admin.endOffsets(bank.outputPartitions, 'read_uncommitted')).reduce(
        (sum, { offset }) => sum + offset,
        0,
      );
    await expect.poll(seen).toBe(200);
    doomed.halt();
    // Its transaction stays open for a quarter of an hour; whoever comes back under its id ends it.
    const heir = await bank.start({ engine: 'memory', group, stateDir: doomed.stateDir, transactionTimeout: '15m' });
    await produce(bank.log, bank.topics.input, bank.partitions, input.slice(200));
    await expect.poll(() => storeContent(heir), { timeout: 20_000 }).toEqual(model(input) as Map<string, Balance>);
    expect((await ids(bank)).toSorted()).toEqual(input.map(({ id }) => id).toSorted());
  });
});
