import { expect, it } from 'vitest';
import type { CompressionCodec } from '../log-producer.js';
import { bytes, failureOf, nextOf, type ConformanceWorld } from './conformance-world.js';

export function producerConformance(world: () => ConformanceWorld): void {
  it('stores each record once and in order although acknowledgements are lost', async () => {
    const topic = await world().topic(2);
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 500 });
    const expected: string[] = [];
    for (let i = 0; i < 300; i++) {
      if (i % 100 === 50) world().faults.loseAnswers('produce', 2);
      for (const partition of [0, 1]) producer.append(topic, partition, null, bytes(`v${i}`), 1);
      expected.push(`v${i}`);
      if (i % 50 === 0) await producer.flush();
    }
    await producer.flush();
    expect(await world().values(topic, { partition: 0 })).toEqual(expected);
    expect(await world().values(topic, { partition: 1 })).toEqual(expected);
    expect(producer.acknowledgedEnd(topic, 0)).toBe(300);
    expect(producer.acknowledgedEnd(topic, 1)).toBe(300);
  });

  it.each<CompressionCodec>(['none', 'gzip', 'snappy', 'lz4'])(
    'carries keys, values, headers and times with codec %s',
    async (compression) => {
      const topic = await world().topic();
      const producer = world().log.openProducer({ role: 'test', compression });
      producer.append(topic, 0, null, null, 1_700_000_000_000, [
        { name: 'h', value: null },
        { name: 'h', value: bytes('ä') },
      ]);
      producer.append(topic, 0, bytes(''), bytes(''), 5);
      producer.append(topic, 0, bytes('k'), Buffer.alloc(5000, 'x'), 1_700_000_000_000 - 2 ** 40);
      await producer.flush();
      const reader = world().log.openReader({ role: 'test', isolation: 'read_committed' });
      await reader.assign([{ topic, partition: 0, offset: 0 }]);
      const { chunk } = await nextOf(reader);
      expect(chunk.count).toBe(3);
      expect([...chunk.timestamps.subarray(0, 3)]).toEqual([1_700_000_000_000, 5, 1_700_000_000_000 - 2 ** 40]);
      expect([chunk.key(0), chunk.value(0)]).toEqual([null, null]);
      expect(chunk.headers(0)).toEqual([
        { name: 'h', value: null },
        { name: 'h', value: bytes('ä') },
      ]);
      expect([chunk.key(1)?.length, chunk.value(1)?.length, chunk.value(2)?.length]).toEqual([0, 0, 5000]);
      await reader.close();
    },
  );

  it.each<CompressionCodec>(['gzip', 'snappy', 'lz4'])(
    'packs batches of any size and content so that the broker reads them, with codec %s',
    async (compression) => {
      const topic = await world().topic();
      const producer = world().log.openProducer({ role: 'test', compression });
      const values: string[] = [];
      for (let size = 0; size < 60; size++) values.push('ab'.repeat(size), `${size}-`.repeat(size * 40));
      for (const value of values) {
        producer.append(topic, 0, null, bytes(value), 1);
        if (value.length % 3 === 0) await producer.flush();
      }
      await producer.flush();
      expect(await world().values(topic)).toEqual(values);
    },
  );

  it('refuses a record beyond the limit of the topic with a typed error, and stays failed', async () => {
    const topic = await world().topic(1, { 'max.message.bytes': '10000' });
    const producer = world().log.openProducer({ role: 'test' });
    producer.append(topic, 0, null, Buffer.alloc(20_000), 1);
    expect(await failureOf(producer.flush())).toMatchObject({
      kind: 'refused',
      code: 'LOG_MESSAGE_TOO_LARGE',
      topic,
    });
    expect(() => producer.append(topic, 0, null, bytes('x'), 1)).toThrow(/MESSAGE_TOO_LARGE/);
  });

  it.each<CompressionCodec>(['none', 'gzip'])(
    'parts a batch that the topic finds too large, in order and without a double (%s)',
    async (compression) => {
      const topic = await world().topic(1, { 'max.message.bytes': '10000' });
      const producer = world().log.openProducer({ role: 'test', compression });
      const values = Array.from({ length: 300 }, (_, n) => `${n} ${incompressible(n, 500)}`);
      for (const value of values) producer.append(topic, 0, bytes(`key ${value.length}`), bytes(value), 7);
      await producer.flush();
      for (const value of values) producer.append(topic, 0, null, bytes(value), 7);
      await producer.flush();
      expect(await world().values(topic)).toEqual([...values, ...values]);
    },
  );

  it('says when its buffer is full, and when there is room again', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', bufferMaxBytes: 10_000 });
    expect(producer.append(topic, 0, null, Buffer.alloc(5000), 1)).toBe(true);
    expect(producer.append(topic, 0, null, Buffer.alloc(6000), 1)).toBe(false);
    await producer.drain();
    expect(producer.append(topic, 0, null, bytes('x'), 1)).toBe(true);
    await producer.flush();
    expect(await world().end(topic)).toBe(3);
  });

  it('repeats a batch after passing errors without a storm of requests', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test' });
    producer.append(topic, 0, null, bytes('a'), 1);
    await producer.flush();
    const before = world().faults.count('produce');
    for (let i = 0; i < 3; i++) {
      world().faults.answerNext('produce', ({ topics }) => ({
        throttleMs: 0,
        topics: topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition }) => ({ partition, error: 6, baseOffset: -1, message: null })),
        })),
      }));
    }
    producer.append(topic, 0, null, bytes('b'), 1);
    const flushed = producer.flush();
    for (let i = 0; i < 5; i++) producer.append(topic, 0, null, bytes('c'), 1);
    await flushed;
    await producer.flush();
    expect(await world().values(topic)).toEqual(['a', 'b', 'c', 'c', 'c', 'c', 'c']);
    expect(world().faults.count('produce') - before).toBeLessThanOrEqual(6);
  });
}

/** Text that gzip makes little of. */
function incompressible(seed: number, length: number): string {
  let text = '';
  for (let n = seed + 1; text.length < length; n = (n * 48_271) % 2_147_483_647) text += n.toString(36);
  return text.slice(0, length);
}
