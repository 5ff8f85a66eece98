import { afterEach, describe, expect, it } from 'vitest';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import { EmbeddedBroker } from '../../libs/streams/src/log/embedded/embedded-broker.js';
import { ManualClock } from '../../libs/streams/src/testing/manual-clock.js';
import { delay } from '../../libs/streams/src/time/clock.js';
import { bankInstance, produce, quiet, temporaryFolder, type Transaction } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';

const topics = { applicationId: 'bank', input: 'in', output: 'out' };
const RECORDS = 8000;
/** Of what the application writes, like a producer quota. */
const BYTES_PER_MS = 20;
/** Longer than the five minutes within which five fences mean another process with the same id. */
const LIMIT_MS = 1_200_000;

const input: Transaction[] = Array.from({ length: RECORDS }, (_, i) => ({
  id: `${i}`.padEnd(500, '.'),
  accountId: `account ${i % 10}`,
  amount: 1,
}));

describe('a broker that takes a backlog more slowly than transactions last', () => {
  const closes: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0).reverse()) await close();
  });

  it('gets it in smaller transactions until all of it is committed, once', async () => {
    const clock = new ManualClock();
    const broker = new EmbeddedBroker({ clock, cleanupIntervalMs: 0 });
    const log = new WireLog({ kind: 'embedded', wires: broker.wires, clock });
    closes.push(() => broker.close());
    /** Lets time pass, also while files are read and written. */
    const during = async <T>(promise: Promise<T>): Promise<T> => {
      const state = { isPending: true };
      const done = (): void => void (state.isPending = false);
      promise.then(done, done);
      const until = clock.monotonic() + LIMIT_MS;
      while (state.isPending && clock.monotonic() < until) await clock.advance(20);
      expect(state.isPending).toBe(false);
      return promise;
    };
    await during(log.admin.createTopics([topics.input, topics.output].map((name) => ({ name, partitions: 1 }))));
    await during(produce(log, topics.input, 1, input));
    let freeAt = 0;
    broker.intercept(async (role, api, request, next) => {
      if (api !== 'produce' || role !== 'commit') return next();
      const { topics: written } = request as unknown as {
        topics: readonly { partitions: readonly { records: Uint8Array }[] }[];
      };
      let bytes = 0;
      for (const { partitions } of written) for (const { records } of partitions) bytes += records.byteLength;
      freeAt = Math.max(freeAt, clock.monotonic()) + bytes / BYTES_PER_MS;
      await delay(clock, freeAt - clock.monotonic());
      return next();
    });
    const warnings: string[] = [];
    const instance = bankInstance(topics, new WireLog({ kind: 'embedded', wires: broker.wires, clock }), {
      stateDir: temporaryFolder(),
      engine: 'memory',
      clock,
      logger: { ...quiet, warn: (message) => void warnings.push(message) },
    });
    await during(instance.start());
    closes.push(() => during(instance.close()));
    const startedAt = clock.monotonic();
    let committed = 0;
    while (committed < RECORDS && clock.monotonic() - startedAt < LIMIT_MS) {
      await clock.advance(1000);
      committed = (await during(log.admin.endOffsets([{ topic: topics.output, partition: 0 }], 'read_committed')))[0]!
        .offset;
    }
    const out = await during(committedRecords(log, topics.output));
    expect(out.map(({ value }) => (JSON.parse(value!) as Transaction).id.replace(/\.+$/, ''))).toEqual(
      input.map((_, i) => `${i}`),
    );
    expect(warnings).toContainEqual(expect.stringContaining('so commits are limited to'));
  });
});
