import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../testing/manual-clock.js';
import { BatchBuilder } from '../../records/batch-builder.js';
import { EmbeddedBroker } from '../embedded-broker.js';
import type { LogStorage } from './log-storage.js';

/** A storage whose writes wait for the test, and then are kept by nobody. */
class HeldStorage implements LogStorage {
  readonly writes: { keys: string[]; settle: () => void; fail: (error: Error) => void }[] = [];

  write(keys: readonly Uint8Array[]): Promise<void> {
    return new Promise((settle, fail) => {
      this.writes.push({ keys: keys.map((key) => Buffer.from(key).toString('latin1')), settle, fail });
    });
  }

  getMany(keys: readonly Uint8Array[]): Promise<undefined[]> {
    return Promise.resolve(keys.map(() => undefined));
  }

  iterate(): ReturnType<LogStorage['iterate']> {
    return { next: () => Promise.resolve({ keys: [], values: [] }), close: () => Promise.resolve() };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('the journal of the embedded log', () => {
  const clock = new ManualClock();
  const owner = { transactionalId: 'tx', producerId: 1, producerEpoch: 0 };
  const newTopic = { name: 't', partitions: 2, replicationFactor: 1, config: [] };

  const open = async (): Promise<{ storage: HeldStorage; broker: EmbeddedBroker; step: Step }> => {
    const storage = new HeldStorage();
    const broker = new EmbeddedBroker({ clock, storage });
    const step: Step = async (asked) => {
      await clock.settle();
      for (const { settle } of storage.writes) settle();
      return asked;
    };
    await step(broker.handle('test', 'createTopics', { timeoutMs: 0, topics: [newTopic] }));
    return { storage, broker, step };
  };

  const produce = (broker: EmbeddedBroker, transactionalId: string | null = null): Promise<unknown> => {
    const batch = new BatchBuilder(1000);
    batch.append(Buffer.from('k'), Buffer.from('v'), 1);
    const records = batch.finish();
    const topics = [{ topic: 't', partitions: [{ partition: 0, records }] }];
    return broker.handle('test', 'produce', { transactionalId, acks: -1, timeoutMs: 0, topics });
  };

  it('answers only when everything before the answer is stored', async () => {
    const { storage, broker } = await open();
    const answered: string[] = [];
    void produce(broker).then(() => answered.push('produce'));
    void broker.handle('test', 'describeConfigs', { topics: [] }).then(() => answered.push('describe'));
    await clock.settle();
    expect(answered).toEqual([]);
    storage.writes.at(-1)!.settle();
    await clock.settle();
    expect(answered.sort()).toEqual(['describe', 'produce']);
    await broker.close();
  });

  it('stores the decision of a transaction, its markers and its offsets in one write', async () => {
    const { storage, broker, step } = await open();
    const init = { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 };
    await step(broker.handle('test', 'initProducerId', init));
    const topics = [{ topic: 't', partitions: [0, 1] }];
    await step(broker.handle('test', 'addPartitionsToTxn', { ...owner, topics }));
    await step(broker.handle('test', 'addOffsetsToTxn', { ...owner, groupId: 'g' }));
    const member = { groupId: 'g', generationId: -1, memberId: '', instanceId: null };
    const offsets = [{ topic: 't', partitions: [{ partition: 1, offset: 5, metadata: null }] }];
    await step(broker.handle('test', 'txnOffsetCommit', { ...owner, ...member, topics: offsets }));
    const before = storage.writes.length;
    await step(broker.handle('test', 'endTxn', { ...owner, commit: true }));
    expect(storage.writes).toHaveLength(before + 1);
    expect(
      storage.writes
        .at(-1)!
        .keys.map((key) => key[0])
        .sort(),
    ).toEqual(['b', 'b', 'o', 'x']);
    await broker.close();
  });

  it('stops answering when a write has failed, and says why', async () => {
    const { storage, broker } = await open();
    const produced = expect(produce(broker)).rejects.toMatchObject({ kind: 'fatal', code: 'LOG_STORAGE' });
    await clock.settle();
    storage.writes.at(-1)!.fail(new Error('disk full'));
    await produced;
    await expect(broker.handle('test', 'describeConfigs', { topics: ['t'] })).rejects.toThrow(/disk full/);
    await broker.close();
  });
});

type Step = <T>(asked: Promise<T>) => Promise<T>;
