import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import type { Progress } from './report.js';

export interface LoadedRecord {
  readonly key: string;
  readonly value: string;
  /** Absent: that of the key. */
  readonly partition?: number;
}

export interface LoadOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly progress: Progress;
}

/** Creates the topic anew and fills it with records by our own producer. */
export async function loadTopic(
  brokers: string,
  { topic, partitions, records, config = {}, progress }: LoadOptions,
  recordAt: (index: number) => LoadedRecord,
): Promise<void> {
  const log = createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
  await log.connect();
  await log.admin.createTopics([{ name: topic, partitions, config }]);
  const producer = log.openProducer({ role: 'load' });
  const now = Date.now();
  for (let index = 0; index < records; index++) {
    const record = recordAt(index);
    const key = Buffer.from(record.key);
    const partition = record.partition ?? partitionForKey(key, partitions);
    const hasRoom = producer.append(topic, partition, key, Buffer.from(record.value), now);
    if (!hasRoom) await producer.drain();
    if (index > 0 && index % 500_000 === 0) progress(`  ${index} of ${records} records`);
  }
  await producer.flush();
  await log.close();
}
