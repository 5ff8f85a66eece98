// Produces transactions into the input topic, all at once or at a rate. Stands for programs on other machines, so the servers go first where
// cores are few, and the records are made before the first is sent.
import { setPriority } from 'node:os';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { transaction } from '../harness/workload.js';

interface ProduceOptions {
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
  /** 0: as fast as the broker takes them. */
  readonly perSecond: number;
}

const { brokers, topic, partitions, records, perSecond } = JSON.parse(process.argv[2] as string) as ProduceOptions;
const DISTINCT = 100_000;
const TICK_MS = 5;
const LOWER_PRIORITY = 10;

setPriority(LOWER_PRIORITY);
const made = Array.from({ length: Math.min(records, DISTINCT) }, (_, index) => {
  const value = transaction(index);
  const key = Buffer.from(value.accountId);
  return { partition: partitionForKey(key, partitions), key, value: Buffer.from(JSON.stringify(value)) };
});
const log = createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
await log.connect();
const producer = log.openProducer({ role: 'load' });
const startedAt = performance.now();
for (let sent = 0; sent < records;) {
  const elapsed = (performance.now() - startedAt) / 1000;
  const due = perSecond === 0 ? records : Math.min(records, Math.ceil(elapsed * perSecond));
  for (; sent < due; sent++) {
    const { partition, key, value } = made[sent % made.length];
    if (!producer.append(topic, partition, key, value, Date.now())) await producer.drain();
  }
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
await producer.flush();
await producer.close();
await log.close();
process.stdout.write('{}\n');
