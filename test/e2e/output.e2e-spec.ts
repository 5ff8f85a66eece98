import { Ctx, Payload } from '@nestjs/microservices';
import {
  bytesSerde,
  json,
  RecordProducer,
  SendTo,
  StreamHandler,
  StreamProcessor,
  TopicAdmin,
  type RecordHeader,
  type Serde,
  type StreamContext,
} from 'nestjs-streams';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

const text: Serde<string> = {
  name: 'shouted',
  serialize: (value) => Buffer.from(value.toUpperCase()),
  deserialize: (bytes) => Buffer.from(bytes).toString(),
};

function headers(fields: Readonly<Record<string, string>>): RecordHeader[] {
  return Object.entries(fields).map(([name, value]) => ({ name, value: Buffer.from(value) }));
}

const AT = 1_700_000_000_000;

describe('what handlers send', () => {
  const apps = new StreamsApps();

  it('goes to every @SendTo with its own serdes and partitioner; key, time and headers are those of the record', async () => {
    @StreamProcessor()
    class Sender {
      @StreamHandler('in', { key: 'string', value: json<number>() })
      @SendTo('loud', { key: text, value: text, partitioner: (key, count) => (key?.length ?? 0) % count })
      @SendTo('out')
      send(@Payload() value: number): string {
        return `value ${value}`;
      }
    }
    const app = await apps.start({ topics: { in: 1, out: 4, loud: 3 }, feature: { processors: [Sender] } });
    for (const key of ['a', 'bb', 'ccc', 'dddd'])
      await app.send('in', { key, value: key.length, timestamp: AT + key.length, headers: headers({ trace: key }) });
    expect(await app.recordsOnce('loud', 4)).toMatchObject([
      { partition: 0, key: 'CCC', value: 'VALUE 3', timestamp: AT + 3, headers: { trace: 'ccc' } },
      { partition: 1, key: 'A', value: 'VALUE 1', timestamp: AT + 1, headers: { trace: 'a' } },
      { partition: 1, key: 'DDDD', value: 'VALUE 4', timestamp: AT + 4, headers: { trace: 'dddd' } },
      { partition: 2, key: 'BB', value: 'VALUE 2', timestamp: AT + 2, headers: { trace: 'bb' } },
    ]);
    // Kafka's murmur2, as the producer of the input uses it.
    await app.nest.get(RecordProducer).sendAll(
      'out',
      ['a', 'bb', 'ccc', 'dddd'].map((key) => ({ key, value: 'app' })),
    );
    const out = await app.recordsOnce('out', 8);
    for (const key of ['a', 'bb', 'ccc', 'dddd']) {
      const ofKey = out.filter((record) => record.key === key);
      expect(ofKey.map(({ value }) => value)).toEqual([`"value ${key.length}"`, '"app"']);
      expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1);
    }
  });

  it('goes where a named partitioner puts its key, with @SendTo as with RecordProducer', async () => {
    @StreamProcessor()
    class Sender {
      @StreamHandler('in')
      @SendTo('out', { partitioner: 'consistent_random' })
      send(@Payload() value: unknown): unknown {
        return value;
      }
    }
    const app = await apps.start({ topics: { in: 1, out: 5, own: 5 }, feature: { processors: [Sender] } });
    const keys = Array.from({ length: 20 }, (_, n) => `customer-${n}`);
    const producer = app.nest.get(RecordProducer);
    const records = keys.map((key) => ({ key, value: 1 }));
    await producer.sendAll('in', records);
    await producer.sendAll('own', records, { partitioner: 'consistent_random' });
    const expected = keys.map((key) => [key, crc32(key) % 5]).sort();
    const places = (found: readonly { readonly key: string | null; readonly partition: number }[]): unknown[] =>
      found.map(({ key, partition }) => [key, partition]).sort();
    expect(places(await app.recordsOnce('out', 20))).toEqual(expected);
    expect(places(await app.recordsOnce('own', 20))).toEqual(expected);
    await expect(producer.send('own', records[0], { partitioner: 'random' as never })).rejects.toThrow(/"random"/);
    await expect(producer.send('own', records[0], { partitioner: () => 5 })).rejects.toThrow(/answered 5; .* 0 to 4/);
    expect(await app.records('own')).toHaveLength(20);
  });

  it('needs a partitioner that there is', async () => {
    @StreamProcessor()
    class Sender {
      @StreamHandler('in')
      @SendTo('out', { partitioner: 'murmur3' as never })
      send(): void {}
    }
    const setup = { topics: { in: 1, out: 1 }, feature: { processors: [Sender] } };
    const { problems = [] } = await apps.failure(apps.metadataOf(setup));
    expect(problems).toEqual([
      expect.stringMatching(/@SendTo of Sender\.send, partitioner: Unknown partitioner "murmur3"/),
    ]);
  });

  it('is a tombstone for null, and nothing for undefined', async () => {
    @StreamProcessor()
    class Sender {
      @StreamHandler('in')
      @SendTo('out')
      sync(@Payload() what: string): null | undefined | string {
        return what === 'null' ? null : what === 'nothing' ? undefined : `sync ${what}`;
      }

      @StreamHandler('in')
      @SendTo('out')
      async later(@Payload() what: string): Promise<null | undefined | string> {
        await Promise.resolve();
        return what === 'null' ? null : what === 'nothing' ? undefined : `async ${what}`;
      }
    }
    const app = await apps.start({ topics: { in: 1, out: 1 }, feature: { processors: [Sender] } });
    for (const value of ['nothing', 'null', 'x']) await app.send('in', { key: value, value });
    expect((await app.recordsOnce('out', 4)).map(({ key, value }) => [key, value])).toEqual([
      ['null', null],
      ['null', null],
      ['x', '"sync x"'],
      ['x', '"async x"'],
    ]);
  });

  it('may be forwarded by the context, as often as wanted and with fields of its own', async () => {
    @StreamProcessor()
    class Sender {
      @StreamHandler('in')
      @SendTo('out')
      @SendTo('other')
      send(@Payload() words: string[], @Ctx() context: StreamContext): string {
        for (const word of words) context.forward(word, { to: 'Sender.send -> out' });
        context.forward('both', { key: 'own', timestamp: AT, headers: headers({ own: 'yes' }) });
        return 'result';
      }
    }
    const app = await apps.start({ topics: { in: 1, out: 1, other: 1 }, feature: { processors: [Sender] } });
    await app.send('in', { key: 'k', value: ['one', 'two'], timestamp: AT - 5, headers: headers({ trace: 't' }) });
    const inherited = { key: 'k', timestamp: AT - 5, headers: { trace: 't' } };
    const both = { key: 'own', value: '"both"', timestamp: AT, headers: { own: 'yes' } };
    expect(await app.recordsOnce('out', 4)).toMatchObject([
      { value: '"one"', ...inherited },
      { value: '"two"', ...inherited },
      both,
      { value: '"result"', ...inherited },
    ]);
    expect(await app.recordsOnce('other', 2)).toMatchObject([both, { value: '"result"', ...inherited }]);
  });
});

describe('RecordProducer and TopicAdmin', () => {
  const apps = new StreamsApps();

  @StreamProcessor()
  class Sink {
    @StreamHandler('in')
    handle(): void {}
  }
  const start = () => apps.start({ topics: { in: 3 }, feature: { processors: [Sink] } });

  it('write keys, values, headers, times and partitions as they are told', async () => {
    const app = await start();
    const before = Date.now();
    await app.send('in', { key: 'a', value: { n: 1 }, partition: 2, timestamp: AT, headers: headers({ h: '1' }) });
    await app.send('in', { key: 'a', value: null, partition: 2 });
    await app.send('in', { value: Buffer.from('raw'), partition: 2 }, { value: bytesSerde });
    const records = await app.records('in');
    expect(records).toMatchObject([
      { partition: 2, key: 'a', value: '{"n":1}', timestamp: AT, headers: { h: '1' } },
      { partition: 2, key: 'a', value: null, headers: {} },
      { partition: 2, key: null, value: 'raw' },
    ]);
    expect(records[1]!.timestamp).toBeGreaterThanOrEqual(before);
  });

  it('spread records without a key over the partitions', async () => {
    const app = await start();
    await app.nest.get(RecordProducer).sendAll(
      'in',
      Array.from({ length: 9 }, (_, value) => ({ value })),
    );
    const partitions = (await app.records('in')).map(({ partition }) => partition);
    expect(partitions).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });

  it('send nothing of what they refuse, and go on', async () => {
    const app = await start();
    const producer = app.nest.get(RecordProducer);
    await expect(app.send('missing', { key: 'a', value: 1 })).rejects.toMatchObject({ code: 'STREAMS_TOPIC_MISSING' });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const value of [undefined, 5n, circular] as unknown[]) {
      const sending = producer.sendAll('in', [
        { key: 'a', value: 1 as unknown },
        { key: 'b', value },
      ]);
      await expect(sending).rejects.toMatchObject({
        code: 'STREAMS_SERDE',
        message: expect.stringContaining('The value of a record for "in"') as unknown,
      });
    }
    await expect(app.send('in', { key: 5, value: 1 })).rejects.toMatchObject({ code: 'STREAMS_SERDE' });
    for (const partition of [3, -1, 0.5])
      await expect(app.send('in', { key: 'a', value: 1, partition })).rejects.toMatchObject({
        code: 'LOG_UNKNOWN_TOPIC_OR_PARTITION',
        message: expect.stringContaining('0 to 2') as unknown,
      });
    expect(await app.records('in')).toEqual([]);
    await app.send('in', { key: 'a', value: 1 });
    expect(await app.records('in')).toHaveLength(1);
  });

  it('refuse fields and options that they do not know', async () => {
    const app = await start();
    const record = { key: 'a', value: 1, header: [] };
    await expect(app.send('in', record)).rejects.toMatchObject({
      code: 'STREAMS_CONFIGURATION',
      message: expect.stringContaining('Unknown option "header". Did you mean "headers"?') as unknown,
    });
    await expect(app.send('in', { key: 'a', value: 1 }, { values: 'string' } as never)).rejects.toMatchObject({
      message: expect.stringContaining('Did you mean "value"?') as unknown,
    });
    await expect(app.nest.get(TopicAdmin).create([{ name: 't', partition: 4 } as never])).rejects.toMatchObject({
      message: expect.stringContaining('Did you mean "partitions"?') as unknown,
    });
    expect(await app.records('in')).toEqual([]);
  });

  it('refuse to send once the application is closed', async () => {
    const app = await start();
    const producer = app.nest.get(RecordProducer);
    await producer.send('in', { key: 'a', value: 1 });
    await app.close();
    await expect(producer.send('in', { key: 'a', value: 1 })).rejects.toMatchObject({ code: 'LOG_INSTANCE_ENDED' });
  });

  it('create what is missing and describe what is there', async () => {
    const app = await start();
    const admin = app.nest.get(TopicAdmin);
    await admin.create([
      { name: 'in', partitions: 9 },
      { name: 'new', partitions: 2, config: { 'cleanup.policy': 'compact' } },
    ]);
    const found = await admin.describe(['in', 'new', 'never']);
    expect([...found.values()].map(({ name, partitions }) => [name, partitions])).toEqual([
      ['in', 3],
      ['new', 2],
    ]);
    expect((await (await app.host.openLog()).admin.describeConfig('new')).get('cleanup.policy')).toBe('compact');
    await app.send('new', { key: 'a', value: 1 });
    expect(await app.records('new')).toHaveLength(1);
  });
});
