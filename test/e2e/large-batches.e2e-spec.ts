import { Ctx, Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  type BadRecord,
  type Log,
} from 'nestjs-streams';
import { register } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { StreamsApps, type RootOptions, type StreamsApp } from './support/streams-app.js';

const MIB = 2 ** 20;
const LIMIT = 2 * MIB;
const AT = 1_700_000_000_000;

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

@StreamProcessor()
class Counter {
  constructor(private readonly counts: Counts) {}

  @StreamHandler('in', { key: 'string', value: json<unknown>() })
  @SendTo('out')
  async count(@Payload() _value: unknown, @Ctx() context: StreamContext): Promise<number> {
    const key = context.key as string;
    const count = ((await this.counts.get(key)) ?? 0) + 1;
    this.counts.put(key, count);
    return count;
  }
}

/** A batch of four records that are small when compressed, and take 4 MiB when not. */
async function produceBomb(log: Log, topic: string): Promise<void> {
  const producer = log.openProducer({ role: 'test', compression: 'gzip', batchMaxBytes: 64 * MIB });
  for (let i = 0; i < 4; i++) producer.append(topic, 0, Buffer.from(`bomb-${i}`), Buffer.alloc(MIB, ' '), AT + i);
  await producer.flush();
  await producer.close();
}

describe('a batch that takes more than memory.batchMaxBytes when it is decompressed', () => {
  const apps = new StreamsApps();
  beforeEach(() => register.clear());

  async function startWith(errors: RootOptions['errors'], options: RootOptions = {}): Promise<StreamsApp> {
    const app = await apps.start({
      topics: { in: 1, out: 1, dead: 1 },
      options: { memory: { batchMaxBytes: LIMIT }, metrics: { defaultMetrics: false }, errors, ...options },
      feature: { processors: [Counter], stores: [Counts] },
    });
    await app.send('in', { key: 'a', value: 1 });
    await produceBomb(await app.host.openLog(), 'in');
    await app.send('in', { key: 'a', value: 2 });
    return app;
  }

  describe.each(['exactly_once', 'at_least_once'] as const)('under %s', (processingGuarantee) => {
    it('fails the instance, which names its offsets and the option', async () => {
      const app = await startWith({}, { processingGuarantee });
      await expect.poll(() => app.host.state, { timeout: 10_000 }).toBe('failed');
      expect(app.host.failure).toMatchObject({
        code: 'STREAMS_DESERIALIZATION_FAILED',
        topic: 'in',
        partition: 0,
        offset: 1,
        cause: { code: 'LOG_BATCH_TOO_LARGE', firstOffset: 1, lastOffset: 4, records: 4 },
      });
      expect(app.host.failure?.message).toContain(
        `offsets 1 to 4 of "in" partition 0 takes more than ${LIMIT} bytes when it is decompressed, the limit of "memory.batchMaxBytes"`,
      );
    });

    it('is skipped as a whole under continue, counted by its records', async () => {
      const app = await startWith({ deserialization: 'continue' }, { processingGuarantee });
      const out = await app.recordsOnce('out', 2);
      expect(out.map(({ key, value }) => [key, value])).toEqual([
        ['a', '1'],
        ['a', '2'],
      ]);
      expect(app.host.state).toBe('running');
      const { text } = await app.fetch('/metrics');
      expect(text).toContain('streams_records_dropped_total{application="app",topic="in",reason="deserialization"} 4');
      expect(text).toContain('streams_errors_total{application="app",code="LOG_BATCH_TOO_LARGE"} 1');
    });

    it('is one dead letter without key and value, which names its offsets', async () => {
      const errors: RootOptions['errors'] = { deserialization: 'deadLetter', deadLetterTopic: 'dead' };
      const app = await startWith(errors, { processingGuarantee });
      await app.recordsOnce('out', 2);
      const [letter, ...more] = await app.recordsOnce('dead', 1);
      expect(more).toEqual([]);
      expect(letter).toMatchObject({ key: null, value: null, timestamp: AT + 3 });
      expect(letter?.headers).toMatchObject({
        'streams-topic': 'in',
        'streams-partition': '0',
        'streams-offset': '1',
        'streams-last-offset': '4',
        'streams-records': '4',
        'streams-phase': 'deserialization',
        'streams-error-code': 'LOG_BATCH_TOO_LARGE',
        'streams-error-class': 'BatchTooLargeError',
      });
    });
  });

  it('is decided about by a function, and tried again at its place', async () => {
    const failures: BadRecord[] = [];
    const deserialization = (failure: BadRecord): 'continue' | { retryAfterMs: number } => {
      failures.push(failure);
      return failure.attempt < 3 ? { retryAfterMs: 1 } : 'continue';
    };
    const app = await startWith({ deserialization });
    await app.recordsOnce('out', 2);
    expect(failures.map(({ attempt, offset, key, value }) => [attempt, offset, key, value])).toEqual([
      [1, 1, null, null],
      [2, 1, null, null],
      [3, 1, null, null],
    ]);
  });

  it.each(['while it restores', 'as a standby'])('stops the instance in a changelog (%s)', async (when) => {
    const bank = await EmbeddedBank.open(1);
    apps.onRelease(() => bank.close());
    const first = await bank.start();
    await produce(bank.log, bank.topics.input, 1, transactions(10, 3));
    await expect.poll(() => storeContent(first)).toEqual(model(transactions(10, 3)));
    if (when === 'while it restores') await first.close();
    await produceBomb(bank.log, bank.changelog);
    const second = bank.instance({ memory: { batchMaxBytes: LIMIT } });
    await second.start();
    await expect.poll(() => second.state, { timeout: 10_000 }).toBe('failed');
    expect(second.failure).toMatchObject({
      code: 'LOG_BATCH_TOO_LARGE',
      topic: bank.changelog,
      partition: 0,
      records: 4,
    });
    expect(second.failure?.message).toContain(`of "${bank.changelog}" partition 0 takes more than ${LIMIT} bytes`);
    expect(second.failure?.message).toContain('memory.batchMaxBytes');
  });

  it('is read where the option allows it', async () => {
    const app = await startWith({}, { memory: { batchMaxBytes: 8 * MIB } });
    // Spaces alone are no JSON text, so the next error is about that.
    await expect.poll(() => app.host.state, { timeout: 10_000 }).toBe('failed');
    expect(app.host.failure).toMatchObject({ code: 'STREAMS_DESERIALIZATION_FAILED', offset: 1 });
    expect(app.host.failure?.message).toContain('JSON');
  });
});
