import { join } from 'node:path';
import { freePort } from '../../../test/kafka/broker-process.js';
import type { BenchBroker } from '../../harness/broker.js';
import { loadTopic } from '../../harness/load-topic.js';
import type { Progress } from '../../harness/report.js';
import { upToHighestRate, Workload } from '../beside-processing.js';
import { balanceAt, ENTRIES, keyAt } from '../entries.js';
import { note, PARTITIONS, ROUNDS, type Values } from '../values.js';
import { KafkaStreamsProcess } from './kafka-streams-process.js';

/** The same work and the same questions for Kafka Streams, on the same broker, while nothing of ours runs. */
export async function kafkaStreamsBesideProcessing(
  values: Values,
  broker: BenchBroker,
  folder: string,
  progress: Progress,
): Promise<void> {
  progress('Kafka Streams');
  await broker.createTopic('peer-in', PARTITIONS);
  const config = { 'cleanup.policy': 'compact' };
  const changelog = { topic: 'peer-balances-changelog', partitions: PARTITIONS, records: ENTRIES, config, progress };
  await loadTopic(broker.brokers, changelog, (index) => ({ key: keyAt(index), value: balanceAt(index) }));
  const peer = await KafkaStreamsProcess.start(broker.brokers, join(folder, 'peer'), await freePort());
  try {
    const workload = new Workload(peer, broker.brokers, 'peer-in');
    // Its compiler has to get warm, too.
    for (let i = 0; i < 3; i++) await workload.atHighestRate(peer);
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`Kafka Streams, round ${round}`);
      const rate = await upToHighestRate(values, peer, workload, 'Kafka Streams, ');
      const asked = await workload.atRate(rate / 2, peer);
      note(values, 'Kafka Streams, half rate', asked.queries!);
    }
  } finally {
    await peer.stop();
  }
}
