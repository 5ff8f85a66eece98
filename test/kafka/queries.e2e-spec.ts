import { rmSync } from 'node:fs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { temporaryFolder } from '../support/bank.js';
import { AppProcess } from '../support/built-app.js';
import { AccountHistory, Bookings, Witness } from '../support/query-checks.js';
import { FeedReader, PointReader, ScanReader, SessionReader, type QueryClient } from '../support/query-clients.js';
import { KafkaBroker } from './broker.js';

const PARTITIONS = 4;
const ACCOUNTS = Array.from({ length: 50 }, (_, n) => `acc-${String(n).padStart(3, '0')}`);
const INSTANCES = ['a', 'b', 'c'];
const SESSION_MS = 4000;

describe.skipIf(inject('kafkaUnavailable'))('queries of three instances', () => {
  const releases: (() => unknown)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  it('are never wrong, older than they say, incomplete or lost while instances are killed, paused, stopped and started', async () => {
    const broker = await KafkaBroker.start();
    releases.push(() => broker.stop());
    const log = createKafkaLog({ brokers: [broker.brokers] }, { clock: new SystemClock() });
    releases.push(() => log.close());
    await log.connect();
    const folders = new Map(INSTANCES.map((id) => [id, temporaryFolder()]));
    releases.push(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
    const env = { PEER_SECRET: 'the secret of the conformance suite', SESSION_TIMEOUT_MS: String(SESSION_MS) };
    const apps = new Map<string, AppProcess>();
    const start = async (id: string): Promise<void> => {
      const app = await AppProcess.start({ brokers: broker.brokers, instanceId: id, stateDir: folders.get(id)!, env });
      apps.set(id, app);
      releases.push(() => app.kill());
    };
    const running = async (): Promise<number> => {
      const counts = await Promise.all(INSTANCES.map((id) => apps.get(id)?.runningTasks()));
      return counts.every((count) => count !== undefined && count > 0)
        ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
        : 0;
    };
    const settled = (): Promise<void> => expect.poll(running, { timeout: 60_000, interval: 100 }).toBe(PARTITIONS);
    for (const id of INSTANCES) await start(id);
    await settled();

    const history = new AccountHistory(ACCOUNTS);
    const witness = new Witness(log, history, PARTITIONS);
    releases.push(() => witness.stop());
    const bookings = new Bookings(log, history, PARTITIONS);
    releases.push(() => bookings.stop());
    const urls = (): string[] => [...apps.values()].map(({ url }) => url);
    const feeds = [new FeedReader(urls, history), new FeedReader(urls, history)];
    const readers: QueryClient[] = [
      new PointReader(urls, history),
      new PointReader(urls, history),
      new PointReader(urls, history, '?staleness=3s', 3000),
      new SessionReader(urls, history),
      new SessionReader(urls, history),
      new ScanReader(urls, history),
    ];
    for (const client of [...readers, ...feeds]) {
      client.start();
      releases.push(() => client.stop());
    }
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    /** Disturbs, lets it work for a while, and waits until all is well again. */
    const disturb = async (action: () => Promise<void>): Promise<void> => {
      await action();
      await settled();
      await pause(1000);
    };

    for (const [victim, frozen, leaver] of [
      ['a', 'b', 'c'],
      ['b', 'c', 'a'],
    ]) {
      await disturb(async () => {
        await apps.get(victim)!.kill();
        await pause(SESSION_MS + 1500);
        await start(victim);
      });
      // Long enough to be given up: it comes back and takes itself for the owner still.
      await disturb(async () => {
        apps.get(frozen)!.signal('SIGSTOP');
        await pause(SESSION_MS + 2500);
        apps.get(frozen)!.signal('SIGCONT');
      });
      await disturb(async () => {
        await apps.get(leaver)!.kill('SIGTERM');
        await start(leaver);
      });
      await disturb(async () => {
        apps.get(victim)!.signal('SIGSTOP');
        await pause(1500);
        apps.get(victim)!.signal('SIGCONT');
      });
    }

    await bookings.stop();
    await expect.poll(() => feeds.every(({ isComplete }) => isComplete), { timeout: 30_000 }).toBe(true);
    for (const client of [...readers, ...feeds]) await client.stop();
    expect([...readers, ...feeds].flatMap(({ faults }) => faults)).toEqual([]);
    for (const client of readers) expect(client.answers).toBeGreaterThan(client.refusals);
    for (const { resumed } of feeds) expect(resumed).toBeGreaterThan(3);
    // Whoever is asked, all of it is there.
    for (const url of urls())
      for (const [account, { balance, count }] of history.final) {
        const response = await fetch(`${url}/stores/balances/entries/${account}`);
        expect(await response.json()).toMatchObject({ balance, count });
      }
  });
});
