import { rmSync } from 'node:fs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { Balance } from '../support/bank.js';
import { latest, model, produce, RestoreCounts, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBank, PARTITIONS } from '../support/kafka-bank.js';

describe.skipIf(inject('kafkaUnavailable'))('a restore from a real broker', () => {
  const banks: KafkaBank[] = [];
  const open = async (): Promise<KafkaBank> => {
    const bank = await KafkaBank.open(inject('kafkaBrokers')!);
    banks.push(bank);
    return bank;
  };
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });

  it('takes everything into a wiped state directory, and only what is missing into an intact one', async () => {
    const bank = await open();
    const input = transactions(400, 40);
    await produce(bank.log, bank.topics.input, PARTITIONS, input.slice(0, 300));
    const nothing = new RestoreCounts();
    const first = await bank.start({ lifecycle: nothing });
    await expect.poll(() => storeContent(first)).toEqual(model(input.slice(0, 300)));
    await first.close();
    expect(nothing.total).toBe(0);
    const changes = (await committedRecords(bank.log, bank.changelog)).length;

    const intact = new RestoreCounts();
    const second = await bank.start({ lifecycle: intact });
    expect(await storeContent(second)).toEqual(model(input.slice(0, 300)));
    await second.close();
    expect(intact.total).toBe(0);

    // Another instance goes on with the same group while this one's directory stays behind.
    const elsewhere = await bank.start({ stateDir: `${bank.stateDir}-elsewhere` });
    await produce(bank.log, bank.topics.input, PARTITIONS, input.slice(300));
    await expect.poll(() => storeContent(elsewhere)).toEqual(model(input));
    await elsewhere.close();
    rmSync(`${bank.stateDir}-elsewhere`, { recursive: true, force: true });
    const changesNow = (await committedRecords(bank.log, bank.changelog)).length;

    const difference = new RestoreCounts();
    const third = await bank.start({ lifecycle: difference });
    expect(await storeContent(third)).toEqual(model(input));
    await third.close();
    expect(difference.total).toBe(changesNow - changes);

    rmSync(bank.stateDir, { recursive: true, force: true });
    const everything = new RestoreCounts();
    const fourth = await bank.start({ lifecycle: everything });
    expect(await storeContent(fourth)).toEqual(model(input));
    expect(everything.total).toBe(changesNow);
  });

  it('reaches the exact end of a changelog with tombstones, aborted transactions and a compacted tail', async () => {
    const bank = await open();
    await bank.log.admin.createTopics([
      {
        name: bank.changelog,
        partitions: PARTITIONS,
        config: {
          'cleanup.policy': 'compact',
          'segment.ms': '200',
          'min.cleanable.dirty.ratio': '0.0001',
          'delete.retention.ms': '0',
        },
      },
    ]);
    const producer = bank.log.openTransactionalProducer({ role: 'test', transactionalId: bank.changelog });
    await producer.init();
    const write = async (round: number, isCommitted: boolean): Promise<void> => {
      for (let key = 0; key < 100; key++) {
        const value = round % 3 === 2 && key >= 5 ? null : Buffer.from(JSON.stringify({ balance: round, count: key }));
        producer.append(bank.changelog, 0, Buffer.from(`acc-${key}`), value, Date.now());
      }
      await producer.flush();
      await (isCommitted ? producer.commit() : producer.abort());
      await new Promise((resolve) => setTimeout(resolve, 250));
    };
    for (let round = 0; round < 6; round++) await write(round, round % 2 === 0 || round === 5);
    const kept = async (): Promise<number> => (await committedRecords(bank.log, bank.changelog)).length;
    // The tail must be cleaned, which takes another segment and the cleaner's turn.
    await expect
      .poll(
        async () => {
          await write(5, true);
          return kept();
        },
        { timeout: 60_000 },
      )
      .toBeLessThan(300);
    await write(6, false);
    const expected = latest(await committedRecords(bank.log, bank.changelog)) as Map<string, Balance>;
    expect([...expected.keys()].sort()).toEqual(['acc-0', 'acc-1', 'acc-2', 'acc-3', 'acc-4']);
    // The group has no offsets that belong to this changelog.
    const instance = await bank.start({ onOffsetsLost: 'latest' });
    expect(await storeContent(instance)).toEqual(expected);
    const [end] = await bank.log.admin.endOffsets([{ topic: bank.changelog, partition: 0 }], 'read_uncommitted');
    const [status] = instance.tasks();
    expect(status.stores[0].position).toBe(end.offset);
  });

  it('is over at once for an empty changelog', async () => {
    const bank = await open();
    const counts = new RestoreCounts();
    const instance = await bank.start({ lifecycle: counts });
    expect(instance.tasks().map(({ state }) => state)).toEqual(['running', 'running', 'running', 'running']);
    expect(counts.total).toBe(0);
  });
});
