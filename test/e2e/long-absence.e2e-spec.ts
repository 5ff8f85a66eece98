import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { RestoreProgress } from '../../libs/streams/src/topology/processor.js';
import { model, produce, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const PARTITIONS = 2;
const HOUR_MS = 3_600_000;
const before = transactions(60, 8);

describe('a store that comes back after its changelog was compacted', () => {
  let bank: EmbeddedBank;
  afterEach(() => bank.close());

  const fileOf = ({ stateDir }: BankOptions): string => join(stateDir!, 'bank', 'currency.json');
  /** The state directory of an instance that stopped, and then missed the deletion of `acc-0` and changes of `acc-1`. */
  const absent = async (deletionsKeptMs: number): Promise<BankOptions> => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const config = {
      'cleanup.policy': 'compact',
      'retention.ms': '-1',
      'delete.retention.ms': String(deletionsKeptMs),
    };
    await bank.log.admin.createTopics([{ name: bank.changelog, partitions: PARTITIONS, config }]);
    const options = { stateDir: bank.folder() };
    const instance = await bank.start(options);
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    await expect.poll(() => storeContent(instance), { timeout: 5000 }).toEqual(model(before));
    await instance.close();
    const owner = bank.log.openProducer({ role: 'test' });
    const append = (key: string, value: object | null): void => {
      const bytes = Buffer.from(key);
      const text = value && Buffer.from(JSON.stringify(value));
      owner.append(bank.changelog, partitionForKey(bytes, PARTITIONS), bytes, text, Date.now());
    };
    append('acc-0', null);
    await owner.flush();
    for (let round = 0; round < 3; round++)
      for (let account = 1; account < 8; account++) append(`acc-${account}`, { balance: round, count: 1 });
    await owner.flush();
    await owner.close();
    // The first run starts the time for which deletions are kept.
    await bank.broker.compact(bank.changelog);
    await bank.broker.compact(bank.changelog);
    return options;
  };

  it('does not bring back what was deleted', async () => {
    const options = await absent(0);
    const content = await storeContent(await bank.start(options));
    expect(content.has('acc-0')).toBe(false);
    expect(content.get('acc-1')).toEqual({ balance: 2, count: 1 });
  });

  it.each([
    ['continues where it was while deletions are kept', 22, false],
    ['restores from the beginning after that', 23.5, true],
    ['restores from the beginning where nobody knows how long it was away', undefined, true],
  ])('%s', async (_name, awayHours, isFromBeginning) => {
    const options = await absent(24 * HOUR_MS);
    const stores = ['0_0/balances', '0_1/balances'];
    expect(Object.keys(JSON.parse(readFileSync(fileOf(options), 'utf8')) as object).sort()).toEqual(stores);
    if (awayHours === undefined) rmSync(fileOf(options));
    else {
      const since = Date.now() - awayHours * HOUR_MS;
      writeFileSync(fileOf(options), JSON.stringify(Object.fromEntries(stores.map((store) => [store, since]))));
    }
    const starts: number[] = [];
    const onRestoreStart = ({ startOffset }: RestoreProgress): void => void starts.push(startOffset);
    const instance = await bank.start({ ...options, lifecycle: { onRestoreStart } });
    expect(starts.map((offset) => offset === 0)).toEqual([isFromBeginning, isFromBeginning]);
    expect((await storeContent(instance)).has('acc-0')).toBe(false);
  });
});
