import { expect, it } from 'vitest';
import { bytes, failureOf, type ConformanceWorld } from './conformance-world.js';

export function adminConformance(world: () => ConformanceWorld): void {
  it('creates topics with their configuration, leaves existing ones as they are, and describes them', async () => {
    const { admin } = world().log;
    const name = world().name('topic');
    await admin.createTopics([{ name, partitions: 3, config: { 'cleanup.policy': 'compact' } }]);
    await admin.createTopics([{ name, partitions: 5 }]);
    const missing = world().name('missing');
    expect(await admin.describeTopics([name, missing])).toEqual(new Map([[name, { name, partitions: 3 }]]));
    expect((await admin.describeConfig(name)).get('cleanup.policy')).toBe('compact');
  });

  it('refuses a configuration that the log does not know', async () => {
    const topic = { name: world().name('topic'), partitions: 1, config: { 'cleanup.policy': 'nonsense' } };
    expect(await failureOf(world().log.admin.createTopics([topic]))).toMatchObject({ kind: 'fatal' });
  });

  it('deletes topics, again and again', async () => {
    const { admin } = world().log;
    const topic = await world().topic();
    await admin.deleteTopics([topic]);
    await admin.deleteTopics([topic]);
    await expect.poll(async () => (await admin.describeTopics([topic])).size).toBe(0);
  });

  it('answers offsets in the order of the question', async () => {
    const { admin } = world().log;
    const topic = await world().topic(3);
    const producer = world().log.openProducer({ role: 'test' });
    for (let partition = 0; partition < 3; partition++) {
      for (let i = 0; i <= partition; i++) producer.append(topic, partition, null, bytes('v'), 1);
    }
    await producer.flush();
    const partitions = [2, 0, 1].map((partition) => ({ topic, partition }));
    expect((await admin.endOffsets(partitions, 'read_uncommitted')).map(({ offset }) => offset)).toEqual([3, 1, 2]);
    expect((await admin.beginningOffsets(partitions)).map(({ offset }) => offset)).toEqual([0, 0, 0]);
  });

  it('refuses to delete records of a compacted topic', async () => {
    const topic = await world().topic(1, { 'cleanup.policy': 'compact' });
    const failure = failureOf(world().log.admin.deleteRecords([{ topic, partition: 0, offset: 0 }]));
    expect(await failure).toMatchObject({ kind: 'fatal', code: 'LOG_POLICY_VIOLATION' });
  });

  it('answers -1 where a group has committed nothing', async () => {
    const topic = await world().topic();
    expect(await world().committed(world().name('group'), topic)).toEqual([{ topic, partition: 0, offset: -1 }]);
  });
}
