import { expect, it } from 'vitest';
import { bytes, failureOf, nextOf, type ConformanceWorld } from './conformance-world.js';

/** What the Java consumer repeats, by the protocol's numbers. */
const FETCH_ERRORS_THAT_PASS: readonly (readonly [string, number])[] = [
  ['UNKNOWN_SERVER_ERROR', -1],
  ['UNKNOWN_TOPIC_OR_PARTITION', 3],
  ['NOT_LEADER_OR_FOLLOWER', 6],
  ['REPLICA_NOT_AVAILABLE', 9],
  ['KAFKA_STORAGE_ERROR', 56],
  ['FENCED_LEADER_EPOCH', 74],
  ['UNKNOWN_LEADER_EPOCH', 75],
  ['OFFSET_NOT_AVAILABLE', 78],
  ['THROTTLING_QUOTA_EXCEEDED', 89],
  ['UNKNOWN_TOPIC_ID', 100],
  ['INCONSISTENT_TOPIC_ID', 103],
];

export function readerConformance(world: () => ConformanceWorld): void {
  it('reads from any position, over many fetches, and stops exactly at the end', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 1000 });
    for (let i = 0; i < 500; i++) producer.append(topic, 0, bytes(`k${i}`), bytes(`v${i}`), 1000 + i);
    await producer.flush();
    expect(producer.acknowledgedEnd(topic, 0)).toBe(500);
    for (const from of [0, 1, 249, 499]) {
      const { records, position } = await world().read(topic, { from, partitionMaxBytes: 100 });
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 500 - from }, (_, i) => from + i));
      expect(position).toBe(500);
    }
  });

  it('answers a position outside the log with an error value, and reads on after a new assignment', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test' });
    producer.append(topic, 0, null, bytes('a'), 1);
    await producer.flush();
    const reader = world().log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
    await reader.assign([{ topic, partition: 0, offset: 99 }]);
    expect(await failureOf(nextOf(reader))).toMatchObject({ kind: 'out-of-range', code: 'LOG_OFFSET_OUT_OF_RANGE' });
    await reader.assign([{ topic, partition: 0, offset: 0 }]);
    expect((await nextOf(reader)).chunk.value(0)?.toString()).toBe('a');
    await reader.close();
  });

  it('forgets a partition that is removed, or assigned anew, while its first assignment is still under way', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 100 });
    for (let i = 0; i < 10; i++) producer.append(topic, 0, null, bytes(`v${i}`), 1);
    await producer.flush();
    const reader = world().log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
    const removed = reader.assign([{ topic, partition: 0, offset: 0 }]);
    reader.remove([{ topic, partition: 0 }]);
    await removed;
    expect(reader.position({ topic, partition: 0 })).toBeUndefined();

    const superseded = reader.assign([{ topic, partition: 0, offset: 2 }]);
    await reader.assign([{ topic, partition: 0, offset: 7 }]);
    await superseded;
    expect((await nextOf(reader)).chunk.value(0)?.toString()).toBe('v7');
    await reader.close();
  });

  it('answers a position below the log start with an error value', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 100 });
    for (let i = 0; i < 10; i++) producer.append(topic, 0, null, bytes(`v${i}`), 1);
    await producer.flush();
    await world().log.admin.deleteRecords([{ topic, partition: 0, offset: 4 }]);
    expect(await world().log.admin.beginningOffsets([{ topic, partition: 0 }])).toEqual([
      { topic, partition: 0, offset: 4 },
    ]);
    expect(await failureOf(world().read(topic))).toMatchObject({ kind: 'out-of-range' });
    expect((await world().read(topic, { from: 4 })).records).toHaveLength(6);
  });

  it('keeps what was fetched for a paused partition, goes on with the others, and delivers after a resume', async () => {
    const topic = await world().topic(2);
    const producer = world().log.openProducer({ role: 'test' });
    for (const partition of [0, 1]) producer.append(topic, partition, null, bytes(`p${partition}`), 1);
    await producer.flush();
    const reader = world().log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
    await reader.assign([0, 1].map((partition) => ({ topic, partition, offset: 0 })));
    reader.pause({ topic, partition: 0 });
    expect((await nextOf(reader)).chunk.partition).toBe(1);
    producer.append(topic, 1, null, bytes('more'), 1);
    await producer.flush();
    expect((await nextOf(reader)).chunk.value(0)?.toString()).toBe('more');
    reader.resume({ topic, partition: 0 });
    expect((await nextOf(reader)).chunk.value(0)?.toString()).toBe('p0');
    await reader.close();
  });

  it('drops what was fetched for an old position when a partition is moved or removed', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 100 });
    for (let i = 0; i < 10; i++) producer.append(topic, 0, null, bytes(`v${i}`), 1);
    await producer.flush();
    const reader = world().log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
    await reader.assign([{ topic, partition: 0, offset: 0 }]);
    await reader.ready(5000);
    await reader.assign([{ topic, partition: 0, offset: 7 }]);
    expect((await nextOf(reader)).chunk.offsets[0]).toBe(7);
    reader.remove([{ topic, partition: 0 }]);
    expect(reader.take()).toBeUndefined();
    expect(reader.position({ topic, partition: 0 })).toBeUndefined();
    await reader.close();
  });

  it('fetches ahead, but not beyond its limit', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 10_000 });
    for (let i = 0; i < 100; i++) producer.append(topic, 0, null, Buffer.alloc(9000), 1);
    await producer.flush();
    const reader = world().log.openReader({
      role: 'test',
      isolation: 'read_committed',
      maxWaitMs: 20,
      partitionMaxBytes: 10_000,
      prefetchMaxBytes: 30_000,
    });
    const position = (): number => reader.position({ topic, partition: 0 }) ?? -1;
    await reader.assign([{ topic, partition: 0, offset: 0 }]);
    await expect.poll(position).toBeGreaterThanOrEqual(3);
    expect(position()).toBeLessThan(10);
    for (let read = 0; read < 100;) read += (await nextOf(reader)).chunk.count;
    expect(position()).toBe(100);
    await reader.close();
  });

  it('waits for a topic that does not exist yet', async () => {
    const topic = world().name('later');
    const reader = world().log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
    await reader.assign([{ topic, partition: 0, offset: 0 }]);
    await world().log.admin.createTopics([{ name: topic, partitions: 1 }]);
    const producer = world().log.openProducer({ role: 'test' });
    producer.append(topic, 0, null, bytes('first'), 1);
    await producer.flush();
    expect((await nextOf(reader)).chunk.value(0)?.toString()).toBe('first');
    await reader.close();
  });

  it('goes on after answers were lost', async () => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test', batchMaxBytes: 100 });
    for (let i = 0; i < 20; i++) producer.append(topic, 0, null, bytes(`v${i}`), 1);
    await producer.flush();
    world().faults.loseAnswers('fetch', 3);
    expect(await world().values(topic)).toEqual(Array.from({ length: 20 }, (_, i) => `v${i}`));
  });

  it.each(FETCH_ERRORS_THAT_PASS)('repeats a fetch that is answered with %s', async (_name, error) => {
    const topic = await world().topic();
    const producer = world().log.openProducer({ role: 'test' });
    producer.append(topic, 0, null, bytes('a'), 1);
    await producer.flush();
    world().faults.answerNext('fetch', ({ topics }) => ({
      throttleMs: 0,
      error: 0,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({
          partition,
          error,
          highWatermark: -1,
          lastStableOffset: -1,
          logStartOffset: -1,
          aborted: [],
          records: Buffer.alloc(0),
        })),
      })),
    }));
    expect(await world().values(topic)).toEqual(['a']);
  });
}
