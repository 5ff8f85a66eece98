import kafkajs from 'kafkajs';
import type { AppFleet } from './app-fleet.js';

const GROUP = 'bank';
const INPUT = 'transactions';
const CHANGELOG = 'bank-balances-changelog';

export interface OutageOptions {
  readonly brokers: string;
  readonly fleet: AppFleet;
  readonly ids: readonly string[];
}

/**
 * All instances are away until the group's offsets are gone, as after `offsets.retention.minutes`. None may start without a decision.
 * Then the offsets are brought back. @returns what is wrong.
 */
export async function loseOffsets({ brokers, fleet, ids }: OutageOptions): Promise<string[]> {
  await Promise.all(ids.map((id) => fleet.stop(id)));
  return withAdmin(brokers, async (admin) => {
    const [kept] = await admin.fetchOffsets({ groupId: GROUP, topics: [INPUT] });
    await admin.deleteGroups([GROUP]);
    const wrong = await refused(fleet, ids, 'STREAMS_OFFSETS_LOST');
    const partitions = kept.partitions.map(({ partition, offset }) => ({ partition, offset }));
    await admin.setOffsets({ groupId: GROUP, topic: INPUT, partitions });
    return wrong;
  });
}

/** The changelog is another topic of the same name when the instances come back. None may start. @returns what is wrong. */
export async function recreateChangelog({ brokers, fleet, ids }: OutageOptions): Promise<string[]> {
  await Promise.all(ids.map((id) => fleet.stop(id)));
  return withAdmin(brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [CHANGELOG] });
    const numPartitions = topics[0].partitions.length;
    await admin.deleteTopics({ topics: [CHANGELOG] });
    const topic = {
      topic: CHANGELOG,
      numPartitions,
      configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
    };
    while ((await admin.listTopics()).includes(CHANGELOG)) await new Promise((resolve) => setTimeout(resolve, 100));
    await admin.createTopics({ topics: [topic], waitForLeaders: true });
    return refused(fleet, ids, `"${CHANGELOG}" was deleted and created again`);
  });
}

/** @param sign what the failure of each instance says. */
async function refused(fleet: AppFleet, ids: readonly string[], sign: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const id of ids) {
    await fleet.start(id);
    const failure = await fleet.failure(id);
    if (!failure.includes(sign)) wrong.push(`${id} should have failed with ${sign}, not with ${failure}`);
    await fleet.kill(id);
  }
  return wrong;
}

async function withAdmin<T>(brokers: string, work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
