import { expect, it } from 'vitest';
import type { TransactionalProducer } from '../log-producer.js';
import { bytes, failureOf, type ConformanceWorld } from './conformance-world.js';

export function transactionConformance(world: () => ConformanceWorld): void {
  const open = async (
    transactionalId = world().name('tx'),
    transactionTimeoutMs = 30_000,
  ): Promise<TransactionalProducer> => {
    const producer = world().log.openTransactionalProducer({ role: 'test', transactionalId, transactionTimeoutMs });
    await producer.init();
    return producer;
  };
  const put = async (producer: TransactionalProducer, topic: string, ...values: string[]): Promise<void> => {
    for (const value of values) producer.append(topic, 0, Buffer.alloc(4), bytes(value), 1);
    await producer.flush();
  };

  it('shows records of committed transactions only, and passes the markers', async () => {
    const topic = await world().topic();
    const producer = await open();
    await put(producer, topic, 'a', 'b');
    expect(await world().values(topic)).toEqual([]);
    await producer.commit();
    await put(producer, topic, 'lost');
    await producer.abort();
    await put(producer, topic, 'c');
    await producer.commit();
    // Three data batches of 2, 1 and 1 records and three markers; EndTxn answers before the markers are written.
    await expect.poll(() => world().end(topic, 'read_committed')).toBe(7);
    expect(await world().read(topic)).toMatchObject({ position: 7 });
    expect(await world().values(topic)).toEqual(['a', 'b', 'c']);
    expect(producer.acknowledgedEnd(topic, 0)).toBe(6);
  });

  it('filters overlapping aborted transactions, in whole and in tiny fetches', async () => {
    const topic = await world().topic();
    const [a, b, c] = [await open(), await open(), await open()];
    await put(a, topic, 'abort-a1', 'abort-a2');
    await put(b, topic, 'abort-b1');
    await put(c, topic, 'ok-c');
    await put(a, topic, 'abort-a3');
    await c.commit();
    await a.abort();
    await put(b, topic, 'abort-b2');
    await b.abort();
    await put(a, topic, 'ok-a');
    await a.commit();
    await expect.poll(() => world().end(topic, 'read_committed')).toBe(11);
    for (const partitionMaxBytes of [undefined, 100]) {
      const { records, position } = await world().read(topic, { partitionMaxBytes });
      expect(records.map(({ value }) => value)).toEqual(['ok-c', 'ok-a']);
      expect(position).toBe(11);
    }
    expect(await world().values(topic, { isolation: 'read_uncommitted' })).toHaveLength(7);
  });

  it('stops a committed reader at the first open transaction, while the high watermark goes on', async () => {
    const topic = await world().topic();
    const [a, b] = [await open(), await open()];
    await put(a, topic, 'open');
    await put(b, topic, 'done');
    await b.commit();
    await expect.poll(() => world().end(topic)).toBe(3);
    expect(await world().end(topic, 'read_committed')).toBe(0);
    await a.commit();
    await expect.poll(() => world().values(topic)).toEqual(['open', 'done']);
  });

  it('commits once although the answer is lost', async () => {
    const topic = await world().topic();
    const producer = await open();
    await put(producer, topic, 'a');
    world().faults.loseAnswers('endTxn', 2);
    await producer.commit();
    await put(producer, topic, 'b');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['a', 'b']);
  });

  it('begins a transaction once although the answers are lost', async () => {
    const topic = await world().topic();
    const producer = await open();
    world().faults.loseAnswers('addPartitionsToTxn', 1);
    world().faults.loseAnswers('produce', 1);
    await put(producer, topic, 'a');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['a']);
  });

  it('gives what is appended during a commit to the next transaction', async () => {
    const topic = await world().topic();
    const producer = await open();
    producer.append(topic, 0, null, bytes('first'), 1);
    const committing = producer.commit();
    producer.append(topic, 0, null, bytes('second'), 1);
    await committing;
    await expect.poll(() => world().values(topic)).toEqual(['first']);
    await producer.abort();
    await put(producer, topic, 'third');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['first', 'third']);
  });

  it('fences an older owner, and aborts its open transaction at once', async () => {
    const topic = await world().topic();
    const id = world().name('tx');
    const older = await open(id);
    await put(older, topic, 'zombie');
    const newer = await open(id);
    older.append(topic, 0, null, bytes('zombie'), 1);
    expect(await failureOf(older.commit())).toMatchObject({ kind: 'fenced' });
    expect(await failureOf(older.abort())).toMatchObject({ kind: 'fenced' });
    await put(newer, topic, 'new');
    await newer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['new']);
    await older.init();
    await put(older, topic, 'again');
    await older.commit();
    await expect.poll(() => world().values(topic)).toEqual(['new', 'again']);
  });

  it('is usable after an abort that left the fate of a batch unknown', async () => {
    const topic = await world().topic();
    const producer = await open();
    await put(producer, topic, 'ok');
    await producer.commit();
    world().faults.answerNext('produce', ({ topics }) => ({
      throttleMs: 0,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({ partition, error: 45, baseOffset: -1, message: null })),
      })),
    }));
    producer.append(topic, 0, null, bytes('lost'), 1);
    expect(await failureOf(producer.commit())).toMatchObject({
      kind: 'abortable',
      code: 'LOG_OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    await producer.abort();
    for (const value of ['x', 'y']) {
      await put(producer, topic, value);
      await producer.commit();
    }
    await expect.poll(() => world().values(topic)).toEqual(['ok', 'x', 'y']);
  });

  it('parts a batch that the topic finds too large', async () => {
    const topic = await world().topic(1, { 'max.message.bytes': '10000' });
    const producer = await open();
    const values = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(500));
    for (const value of values) producer.append(topic, 0, null, bytes(value), 1);
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(values);
  });

  it('is usable after the abort of a record that was too large', async () => {
    const topic = await world().topic(1, { 'max.message.bytes': '10000' });
    const producer = await open();
    producer.append(topic, 0, null, Buffer.alloc(20_000), 1);
    expect(await failureOf(producer.commit())).toMatchObject({ code: 'LOG_MESSAGE_TOO_LARGE' });
    await producer.abort();
    await put(producer, topic, 'small');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['small']);
  });

  it('commits and aborts empty transactions without asking', async () => {
    const producer = await open();
    const before = world().faults.count('endTxn');
    await producer.commit();
    await producer.abort();
    expect(world().faults.count('endTxn')).toBe(before);
  });

  it('refuses offsets of somebody who is not a member', async () => {
    const topic = await world().topic();
    const producer = await open();
    const offsets = [{ topic, partition: 0, offset: 1 }];
    const groupId = world().name('group');
    const nobody = { groupId, memberId: '', generationId: -1, instanceId: undefined };
    expect(await failureOf(producer.sendOffsets(offsets, nobody))).toMatchObject({ kind: 'migrated' });
    const stranger = { groupId, memberId: 'stranger', generationId: 3, instanceId: undefined };
    expect(await failureOf(producer.sendOffsets(offsets, stranger))).toMatchObject({ kind: 'migrated' });
    await producer.abort();
    await put(producer, topic, 'after');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['after']);
  });

  it('takes over its id in the end although InitProducerId fails several times, and is aborted in between', async () => {
    const topic = await world().topic();
    const producer = await open();
    const unknown = () => ({ throttleMs: 0, error: -1, producerId: -1, producerEpoch: -1 });
    for (let i = 0; i < 2; i++) world().faults.answerNext('initProducerId', unknown);
    expect(await failureOf(producer.init())).toMatchObject({ kind: 'retriable' });
    expect(await failureOf(producer.abort())).toMatchObject({ kind: 'retriable' });
    await producer.abort();
    await put(producer, topic, 'a');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['a']);
  });

  it('sends again what a broker could not take for a reason that it did not foresee', async () => {
    const topic = await world().topic();
    const producer = await open();
    world().faults.answerNext('produce', ({ topics }) => ({
      throttleMs: 0,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({ partition, error: -1, baseOffset: -1, message: null })),
      })),
    }));
    await put(producer, topic, 'a');
    await producer.commit();
    await expect.poll(() => world().values(topic)).toEqual(['a']);
  });
}
