import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { ClusterWire } from '../cluster/cluster-wire.js';
import type { NodeConnection } from '../cluster/node-connection.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import type { ClusterMetadata } from '../protocol/cluster-codecs.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import { AdminClient } from './admin-client.js';

/** A broker on which this user may see the topic "open" alone. */
function adminOf(rights: Set<string>): AdminClient {
  const metadata = (topics: readonly string[]): ClusterMetadata => ({
    brokers: [{ nodeId: 1, host: 'kafka', port: 9092 }],
    controller: 1,
    topics: topics.map((name) =>
      rights.has(name)
        ? { error: 0, name, partitions: [{ error: 0, partition: 0, leader: 1, leaderEpoch: 0 }] }
        : { error: KafkaErrorCode.TOPIC_AUTHORIZATION_FAILED, name, partitions: [] },
    ),
  });
  const connection: NodeConnection = {
    request: <Q, R>(_codec: ApiCodec<Q, R>, { topics }: Q & { topics?: readonly string[] }) =>
      Promise.resolve(metadata(topics ?? []) as R),
    close: () => undefined,
  };
  const clock = new ManualClock();
  const wire = new ClusterWire({ brokers: ['kafka:9092'], requestTimeoutMs: 1000, clock, open: () => connection });
  return new AdminClient(wire, clock);
}

describe('AdminClient', () => {
  it('does not call a topic missing that the user has no right to see', async () => {
    const rights = new Set(['open']);
    const admin = adminOf(rights);
    expect(await admin.describeTopics(['open'])).toEqual(new Map([['open', { name: 'open', partitions: 1 }]]));
    await expect(admin.describeTopics(['open', 'hidden'])).rejects.toMatchObject({
      code: 'LOG_TOPIC_AUTHORIZATION_FAILED',
      message: expect.stringMatching(/"hidden" with TOPIC_AUTHORIZATION_FAILED .*lacks the right DESCRIBE on it\.$/),
    });
    rights.add('hidden');
    expect((await admin.describeTopics(['hidden'])).size).toBe(1);
  });
});
