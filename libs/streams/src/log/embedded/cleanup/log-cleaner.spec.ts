import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../testing/manual-clock.js';
import { bytes, ConformanceWorld, type ReadRecord } from '../../conformance/conformance-world.js';
import type { TransactionalProducer } from '../../log-producer.js';
import { EmbeddedBroker } from '../embedded-broker.js';

const HOUR_MS = 3_600_000;

/** The last record of each key, where it is no tombstone. */
function valuesByKey(records: readonly ReadRecord[]): Map<string | null, ReadRecord> {
  const last = new Map(records.map((record) => [record.key, record]));
  for (const { key, value } of last.values()) if (value === null) last.delete(key);
  return last;
}

describe('the cleaner of the embedded log', () => {
  const clock = new ManualClock();
  const worlds: ConformanceWorld[] = [];

  const open = (): { broker: EmbeddedBroker; world: ConformanceWorld } => {
    const broker = new EmbeddedBroker({ clock, cleanupIntervalMs: 30_000 });
    const world = new ConformanceWorld({ kind: 'embedded', wires: broker.wires, close: () => broker.close() });
    worlds.push(world);
    return { broker, world };
  };

  const transactional = async (world: ConformanceWorld): Promise<TransactionalProducer> => {
    const producer = world.log.openTransactionalProducer({ role: 'test', transactionalId: world.name('tx') });
    await producer.init();
    return producer;
  };

  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });

  it('keeps the last committed value of every key at its offset, and a reader from anywhere passes the holes', async () => {
    const step = fc.record({
      producer: fc.nat({ max: 2 }),
      writes: fc.array(fc.tuple(fc.nat({ max: 4 }), fc.option(fc.nat({ max: 99 }))), { minLength: 1, maxLength: 5 }),
      outcome: fc.constantFrom('commit', 'abort', 'go on'),
      compacts: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.nat(), async (steps, anywhere) => {
        const { broker, world } = open();
        const config = { 'cleanup.policy': 'compact', 'delete.retention.ms': '0' };
        const [topic, untouched] = [await world.topic(1, config), await world.topic(1, config)];
        const producers = [await transactional(world), await transactional(world), await transactional(world)];
        for (const { producer: index, writes, outcome, compacts } of steps) {
          const producer = producers[index]!;
          for (const [key, value] of writes) {
            for (const to of [topic, untouched]) {
              producer.append(to, 0, bytes(`k${key}`), value === null ? null : bytes(`v${value}`), 1);
            }
          }
          await producer.flush();
          if (outcome === 'commit') await producer.commit();
          if (outcome === 'abort') await producer.abort();
          if (!compacts) continue;
          await broker.compact(topic);
          expect(valuesByKey((await world.read(topic)).records)).toEqual(
            valuesByKey((await world.read(untouched)).records),
          );
        }
        for (const producer of producers) await producer.commit();
        await broker.compact(topic);
        const end = await world.end(untouched);
        const after = await world.read(topic);
        expect([await world.end(topic), after.position]).toEqual([end, end]);
        expect(valuesByKey(after.records)).toEqual(valuesByKey((await world.read(untouched)).records));
        const from = anywhere % end;
        const part = await world.read(topic, { from, partitionMaxBytes: 1 });
        expect(part).toEqual({ records: after.records.filter(({ offset }) => offset >= from), position: end });
        const all = await world.read(topic, { isolation: 'read_uncommitted' });
        expect(all.position).toBe(end);
        await world.close();
      }),
      { numRuns: 50 },
    );
  }, 60_000);

  it('bounds a compacted topic by its keys, although every commit adds a marker', async () => {
    const { broker, world } = open();
    const topic = await world.topic(1, { 'cleanup.policy': 'compact' });
    const producer = await transactional(world);
    let bytesRead = 0;
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 50; i++) {
        producer.append(topic, 0, bytes(`k${i % 10}`), bytes(`v${round}-${i}`), 1);
        await producer.commit();
      }
      await broker.runCleanup();
      const response = await broker.handle('test', 'fetch', {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1e9,
        isolation: 1,
        topics: [{ topic, partitions: [{ partition: 0, offset: 0, maxBytes: 1e9 }] }],
      });
      bytesRead = response.topics[0]!.partitions[0]!.records.length;
      expect(bytesRead).toBeLessThan(600);
    }
    expect(await world.values(topic)).toEqual(Array.from({ length: 10 }, (_, i) => `v4-${40 + i}`));
  });

  it('drops a tombstone only after a reader has had its time to see it', async () => {
    const { broker, world } = open();
    const topic = await world.topic(1, { 'cleanup.policy': 'compact', 'delete.retention.ms': String(HOUR_MS) });
    const producer = world.log.openProducer({ role: 'test' });
    const put = async (key: string, value: string | null): Promise<void> => {
      producer.append(topic, 0, bytes(key), value === null ? null : bytes(value), 1);
      await producer.flush();
    };
    await put('gone', 'value');
    await put('gone', null);
    await put('other', 'value');
    await broker.compact(topic);
    expect((await world.read(topic)).records.map(({ key }) => key)).toEqual(['gone', 'other']);
    await clock.advance(HOUR_MS);
    await broker.compact(topic);
    expect((await world.read(topic)).records.map(({ key }) => key)).toEqual(['other']);
  });

  it('leaves alone what is not decided', async () => {
    const { broker, world } = open();
    const topic = await world.topic(1, { 'cleanup.policy': 'compact' });
    const undecided = await transactional(world);
    const other = world.log.openProducer({ role: 'test' });
    undecided.append(topic, 0, bytes('k'), bytes('open'), 1);
    await undecided.flush();
    for (const value of ['a', 'b', 'c']) {
      other.append(topic, 0, bytes('k'), bytes(value), 1);
      await other.flush();
    }
    await broker.compact(topic);
    expect(await world.values(topic, { isolation: 'read_uncommitted' })).toEqual(['open', 'a', 'b', 'c']);
  });

  it('keeps records of a deleting topic for their time, counted from their append, and to their size', async () => {
    const { broker, world } = open();
    const byTime = await world.topic(1, { 'retention.ms': String(HOUR_MS) });
    const bySize = await world.topic(1, { 'retention.bytes': '1000' });
    const producer = world.log.openProducer({ role: 'test' });
    for (const topic of [byTime, bySize]) {
      for (let i = 0; i < 20; i++) {
        producer.append(topic, 0, null, Buffer.alloc(100), 1);
        await producer.flush();
      }
    }
    await broker.runCleanup();
    expect((await world.read(byTime)).records).toHaveLength(20);
    const [start] = await world.log.admin.beginningOffsets([{ topic: bySize, partition: 0 }]);
    expect(start!.offset).toBeGreaterThan(10);
    expect(await world.end(bySize)).toBe(20);
    await clock.advance(HOUR_MS);
    producer.append(byTime, 0, null, bytes('young'), 1);
    await producer.flush();
    await clock.advance(30_000);
    const [first] = await world.log.admin.beginningOffsets([{ topic: byTime, partition: 0 }]);
    expect(first!.offset).toBe(20);
  });
});
