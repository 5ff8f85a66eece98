import { describe, expect, it, vi } from 'vitest';
import { EmbeddedBroker } from '../log/embedded/embedded-broker.js';
import type { Interceptor } from '../log/embedded/interceptor.js';
import { WireLog } from '../log/client/wire-log.js';
import { KafkaErrorCode } from '../log/protocol/error-codes.js';
import { PositionToken } from '../query/position/position-token.js';
import { ManualClock } from '../testing/manual-clock.js';
import { RecordProducer, type OutgoingRecord } from './record-producer.js';

const DELIVERY_TIMEOUT_MS = 120_000;

/** Together more than the 32 MiB that a producer buffers. */
const large = (partition: number): OutgoingRecord[] =>
  Array.from({ length: 70 }, () => ({ value: 'x'.repeat(500_000), partition }));

class World {
  readonly clock = new ManualClock();
  readonly broker = new EmbeddedBroker({ clock: this.clock, cleanupIntervalMs: 0 });
  readonly log = new WireLog({ kind: 'embedded', wires: this.broker.wires, clock: this.clock });
  readonly producer = new RecordProducer(() => Promise.resolve(this.log), this.clock);
  /** Partitions (`topic-0`) that answer every batch with an error that passes. */
  readonly dead = new Set<string>();

  constructor() {
    this.broker.intercept(((_role, api, request, next) =>
      api === 'produce' ? this.produce(request as never, next as never) : next()) as Interceptor);
  }

  async topics(counts: Readonly<Record<string, number>>, config: Record<string, string> = {}): Promise<void> {
    const topics = Object.entries(counts).map(([name, partitions]) => ({ name, partitions, config }));
    await this.clock.run(this.log.admin.createTopics(topics));
  }

  send(topic: string, record: OutgoingRecord<string, string>): Promise<string> {
    const sent = this.producer.send(topic, record, { value: 'string' });
    // The tests wait for it later.
    sent.catch(() => undefined);
    return sent;
  }

  async end(topic: string, partition = 0): Promise<number> {
    const ends = await this.clock.run(this.log.admin.endOffsets([{ topic, partition }], 'read_uncommitted'));
    return ends[0]!.offset;
  }

  async failureOf(promise: Promise<unknown>): Promise<unknown> {
    return this.clock.run(
      promise.then(
        () => 'no failure',
        (error: unknown) => error,
      ),
    );
  }

  /** The real broker takes the partitions that live; the others are taken out of its request and answered here. */
  private async produce(
    request: { topics: readonly { topic: string; partitions: readonly { partition: number }[] }[] },
    next: () => Promise<{
      throttleMs: number;
      topics: readonly { topic: string; partitions: readonly { partition: number }[] }[];
    }>,
  ): Promise<unknown> {
    const isDead = (topic: string, partition: number): boolean => this.dead.has(`${topic}-${partition}`);
    const all = request.topics;
    (request as { topics: unknown }).topics = all.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.filter(({ partition }) => !isDead(topic, partition)),
    }));
    const answer = await next();
    return {
      throttleMs: 0,
      topics: answer.topics.map(({ topic, partitions }, i) => ({
        topic,
        partitions: [
          ...partitions,
          ...all[i]!.partitions.filter(({ partition }) => isDead(topic, partition)).map(({ partition }) => ({
            partition,
            error: KafkaErrorCode.NOT_ENOUGH_REPLICAS,
            baseOffset: -1,
            message: null,
          })),
        ],
      })),
    };
  }
}

describe('calls of a record producer', () => {
  it('are not delayed and not failed by a topic that takes nothing', async () => {
    const world = new World();
    await world.topics({ dead: 1, alive: 1, other: 1 });
    world.dead.add('dead-0');
    const { clock } = world;
    const lost = world.send('dead', { key: 'k', value: 'lost' });
    await clock.settle();
    const startedAt = clock.monotonic();
    for (const topic of ['alive', 'other', 'alive']) await clock.run(world.send(topic, { key: 'k', value: 'v' }));
    expect(clock.monotonic() - startedAt).toBeLessThan(1000);
    await clock.advance(DELIVERY_TIMEOUT_MS - 1000);
    // Under way while the dead topic fails.
    const beside = Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 20; i++) {
        await world.send('alive', { key: 'k', value: 'beside' });
        await new Promise<void>((resolve) => void clock.schedule(100, resolve));
      }
    });
    expect(await world.failureOf(lost)).toMatchObject({ code: 'LOG_DELIVERY_TIMEOUT' });
    await clock.run(Promise.all(beside));
    expect(await world.end('alive')).toBe(402);
    world.dead.clear();
    await clock.run(world.send('dead', { key: 'k', value: 'now' }));
    expect(await world.end('dead')).toBe(1);
  });

  it('are not failed by another partition of their topic', async () => {
    const world = new World();
    await world.topics({ in: 2 });
    world.dead.add('in-1');
    const lost = world.send('in', { value: 'lost', partition: 1 });
    await world.clock.run(world.send('in', { value: 'a', partition: 0 }));
    const behind = world.send('in', { value: 'behind', partition: 1 });
    expect(await world.failureOf(lost)).toMatchObject({ code: 'LOG_DELIVERY_TIMEOUT' });
    expect(await world.failureOf(behind)).toMatchObject({ code: 'LOG_DELIVERY_TIMEOUT' });
    await world.clock.run(world.send('in', { value: 'b', partition: 0 }));
    world.dead.clear();
    await world.clock.run(world.send('in', { value: 'c', partition: 1 }));
    expect([await world.end('in', 0), await world.end('in', 1)]).toEqual([2, 1]);
  });

  it('fail alone for a record that the broker refuses, whatever batch it shares', async () => {
    const world = new World();
    await world.topics({ in: 1 }, { 'max.message.bytes': '2000' });
    const good = Array.from({ length: 12 }, (_, i) => ({ value: `${i}`.padEnd(300, '.'), partition: 0 }));
    const sent = good.slice(0, 6).map((record) => world.send('in', record));
    const bad = world.send('in', { value: 'x'.repeat(5000), partition: 0 });
    sent.push(...good.slice(6).map((record) => world.send('in', record)));
    expect(await world.failureOf(bad)).toMatchObject({ code: 'LOG_MESSAGE_TOO_LARGE' });
    const positions = await world.clock.run(Promise.all(sent));
    expect(await world.end('in')).toBe(12);
    expect(positions).toEqual(good.map((_, i) => PositionToken.ofTopic('in', 0, i + 1).toString()));
  });

  it('return the position after their own records, in one partition and in several', async () => {
    const world = new World();
    await world.topics({ in: 2 });
    const records = [0, 1, 0].map((partition) => ({ value: 'v', partition }));
    const position = await world.clock.run(world.producer.sendAll('in', records));
    const expected = PositionToken.merge([PositionToken.ofTopic('in', 0, 2), PositionToken.ofTopic('in', 1, 1)]);
    expect(position).toBe(expected.toString());
  });

  it('are not delayed by more than a buffer of records for a partition that takes nothing', async () => {
    const world = new World();
    await world.topics({ in: 2 });
    world.dead.add('in-1');
    world.producer.sendAll('in', large(1)).catch(() => undefined);
    await world.clock.settle();
    const startedAt = world.clock.monotonic();
    await world.clock.run(world.send('in', { value: 'v', partition: 0 }));
    expect(world.clock.monotonic() - startedAt).toBeLessThan(1000);
  });

  it('keep their order where one of them has more records than a buffer', async () => {
    const world = new World();
    await world.topics({ in: 1 });
    const sent = world.producer.sendAll('in', large(0));
    const last = world.send('in', { value: 'last', partition: 0 });
    const positions = await world.clock.run(Promise.all([sent, last]));
    expect(positions).toEqual([70, 71].map((end) => PositionToken.ofTopic('in', 0, end).toString()));
  });

  it('survive a topic that a broker does not know for a moment, however long they have been repeated', async () => {
    const world = new World();
    await world.topics({ in: 1 });
    await world.clock.run(world.send('in', { value: 'v' }));
    world.dead.add('in-0');
    const sent = world.send('in', { value: 'w' });
    await world.clock.advance(20_000);
    const partitionCount = vi.spyOn(world.broker, 'partitionCount').mockReturnValue(0);
    await world.clock.advance(1000);
    partitionCount.mockRestore();
    world.dead.clear();
    await world.clock.run(sent);
    expect(await world.end('in')).toBe(2);
  });

  it('share at most 16 senders, also when some topics take nothing', async () => {
    const world = new World();
    const names = Array.from({ length: 40 }, (_, i) => `t${i}`);
    await world.topics(Object.fromEntries(names.map((name) => [name, 1])));
    world.dead.add('t0-0');
    const opened: unknown[] = [];
    const openSender = world.log.openSender.bind(world.log);
    world.log.openSender = (options) => {
      const sender = openSender(options);
      opened.push(sender);
      return sender;
    };
    const lost = world.send('t0', { value: 'v' });
    await world.clock.settle();
    for (const name of names.slice(1)) await world.clock.run(world.send(name, { value: 'v' }));
    expect(opened).toHaveLength(16);
    expect(await world.failureOf(lost)).toMatchObject({ code: 'LOG_DELIVERY_TIMEOUT' });
    for (const name of names.slice(1)) expect(await world.end(name)).toBe(1);
    await world.clock.advance(400_000);
    await world.clock.run(world.send('t1', { value: 'v' }));
    expect(opened).toHaveLength(17);
  });
});

describe('the partitions that a record producer uses', () => {
  const spread = Array.from({ length: 40 }, (_, i) => ({ key: `key ${i}`, value: 'v' }));

  async function recreate(world: World, topic: string, partitions: number): Promise<void> {
    await world.clock.run(world.log.admin.deleteTopics([topic]));
    if (partitions > 0) await world.topics({ [topic]: partitions });
  }

  it('include new ones within half a minute', async () => {
    const world = new World();
    await world.topics({ in: 1 });
    await world.clock.run(world.producer.sendAll('in', spread));
    await recreate(world, 'in', 4);
    await world.clock.advance(30_000);
    await world.clock.run(world.producer.sendAll('in', spread));
    const ends = [];
    for (let partition = 0; partition < 4; partition++) ends.push(await world.end('in', partition));
    expect(Math.min(...ends)).toBeGreaterThan(0);
  });

  it('are looked at again where the topic was created again with fewer', async () => {
    const world = new World();
    await world.topics({ in: 4 });
    await world.clock.run(world.producer.sendAll('in', spread));
    await recreate(world, 'in', 1);
    const startedAt = world.clock.monotonic();
    expect(await world.failureOf(world.producer.sendAll('in', spread))).toMatchObject({
      code: 'LOG_UNKNOWN_TOPIC_OR_PARTITION',
      message: expect.stringContaining('has the partitions 0 to 0 now'),
    });
    expect(world.clock.monotonic() - startedAt).toBeLessThan(10_000);
    const before = await world.end('in');
    await world.clock.run(world.producer.sendAll('in', spread));
    expect(await world.end('in')).toBe(before + spread.length);
  });

  it('are missed soon where the topic was deleted', async () => {
    const world = new World();
    await world.topics({ in: 1 });
    await world.clock.run(world.send('in', { value: 'v' }));
    await recreate(world, 'in', 0);
    const startedAt = world.clock.monotonic();
    expect(await world.failureOf(world.send('in', { value: 'v' }))).toMatchObject({
      code: 'LOG_UNKNOWN_TOPIC_OR_PARTITION',
    });
    expect(world.clock.monotonic() - startedAt).toBeLessThan(10_000);
    expect(await world.failureOf(world.send('in', { value: 'v' }))).toMatchObject({ code: 'STREAMS_TOPIC_MISSING' });
  });
});
