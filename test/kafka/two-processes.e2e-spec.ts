import { rmSync } from 'node:fs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { AppProcess } from '../support/built-app.js';
import { temporaryFolder } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { KafkaBroker } from './broker.js';

const PARTITIONS = 4;
const ACCOUNTS = 60;
const PER_TICK = 20;

interface Account {
  readonly balance: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

/** Produces transactions until it is stopped, and knows what the balances have to be. */
class Load {
  readonly model = new Map<string, Account>();
  private produced = 0;
  private isStopped = false;
  private readonly done: Promise<void>;

  constructor(private readonly log: Log) {
    this.done = this.run();
  }

  get total(): number {
    return this.produced;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  private async run(): Promise<void> {
    const producer = this.log.openProducer({ role: 'load' });
    while (!this.isStopped) {
      for (let i = 0; i < PER_TICK; i++) this.append(producer);
      await producer.flush();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await producer.close();
  }

  private append(producer: ReturnType<Log['openProducer']>): void {
    const index = this.produced++;
    const accountId = `acc-${index % ACCOUNTS}`;
    const amount = ((index * 7919) % 2001) - 1000;
    const before = this.model.get(accountId);
    this.model.set(accountId, {
      balance: (before?.balance ?? 0) + amount,
      count: (before?.count ?? 0) + 1,
      min: Math.min(before?.min ?? amount, amount),
      max: Math.max(before?.max ?? amount, amount),
    });
    const key = Buffer.from(accountId);
    const value = Buffer.from(
      JSON.stringify({ id: `t${index}`, accountId, amount, currency: 'EUR', at: 1_700_000_000_000 + index }),
    );
    producer.append('transactions', partitionForKey(key, PARTITIONS), key, value, Date.now());
  }
}

describe.skipIf(inject('kafkaUnavailable'))('two processes of the built example', () => {
  const releases: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const scenario = async (guarantee: string, kills: number): Promise<void> => {
    const broker = await KafkaBroker.start();
    releases.push(() => broker.stop());
    const log = createKafkaLog({ brokers: [broker.brokers] }, { clock: new SystemClock() });
    releases.push(() => log.close());
    await log.connect();
    const folders = new Map(['a', 'b'].map((id) => [id, temporaryFolder()]));
    releases.push(() => {
      for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
    });
    const apps = new Map<string, AppProcess>();
    const start = async (id: string): Promise<void> => {
      const env = { PROCESSING_GUARANTEE: guarantee };
      const app = await AppProcess.start({ brokers: broker.brokers, instanceId: id, stateDir: folders.get(id)!, env });
      apps.set(id, app);
      releases.push(() => app.kill());
    };
    const tasks = (): Promise<(number | undefined)[]> =>
      Promise.all(['a', 'b'].map((id) => apps.get(id)?.runningTasks()));
    const shared = (): Promise<void> => expect.poll(tasks, { timeout: 60_000, interval: 100 }).toEqual([2, 2]);

    await start('a');
    await expect.poll(() => apps.get('a')!.runningTasks(), { timeout: 30_000 }).toBe(4);
    await start('b');
    await shared();
    const load = new Load(log);
    releases.push(() => load.stop());
    for (let round = 0; round < kills; round++) {
      const [victim, survivor] = round % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
      await apps.get(victim)!.kill();
      await expect.poll(() => apps.get(survivor)!.runningTasks(), { timeout: 60_000, interval: 100 }).toBe(PARTITIONS);
      await start(victim);
      await shared();
    }
    await load.stop();

    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'transactions', partition }));
    await expect
      .poll(
        async () => {
          const ends = await log.admin.endOffsets(partitions, 'read_committed');
          const committed = await log.admin.committedOffsets('bank', partitions);
          return committed.map(({ offset }, i) => ends[i].offset - offset);
        },
        { timeout: 60_000 },
      )
      .toEqual([0, 0, 0, 0]);
    await check(log, load, [...apps.values()], guarantee === 'exactly_once');
  };

  it('count every transaction once through ten kills (exactly_once)', () => scenario('exactly_once', 10), 600_000);
  it('miss no transaction through three kills (at_least_once)', () => scenario('at_least_once', 3), 300_000);
});

async function check(log: Log, load: Load, apps: readonly AppProcess[], isExact: boolean): Promise<void> {
  const stored = new Map<string, Account>();
  for (const accountId of load.model.keys()) {
    const answers = await Promise.all(apps.map((app) => app.get(`/stores/balances/entries/${accountId}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 421]);
    stored.set(accountId, answers.find(({ status }) => status === 200)!.body as Account);
  }
  const changelog = new Map(
    (await committedRecords(log, 'bank-balances-changelog')).map(({ key, value }) => [
      key,
      JSON.parse(value!) as Account,
    ]),
  );
  const counts = new Map<string, number[]>();
  for (const { key, value } of await committedRecords(log, 'balance-updates')) {
    const { count } = JSON.parse(value!) as Account;
    counts.set(key!, [...(counts.get(key!) ?? []), count]);
  }
  expect(load.total).toBeGreaterThan(1000);
  for (const [accountId, expected] of load.model) {
    const everyCount = Array.from({ length: expected.count }, (_, i) => i + 1);
    expect(changelog.get(accountId)).toEqual(stored.get(accountId));
    if (isExact) {
      expect(stored.get(accountId)).toMatchObject(expected);
      expect(counts.get(accountId)).toEqual(everyCount);
    } else {
      expect(stored.get(accountId)!.count).toBeGreaterThanOrEqual(expected.count);
      expect(everyCount.filter((count) => !counts.get(accountId)!.includes(count))).toEqual([]);
    }
  }
}
